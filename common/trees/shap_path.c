/* Paths of TreeSHAP (shap_path.h). */
#include "common/trees/shap_path.h"

void path_extend(struct step *path, uint32_t n, int32_t credit, double zero, double one)
{
    path[n] = (struct step){.credit = credit, .zero = zero, .one = one, .weight = n == 0 ? 1.0 : 0.0};
    for (uint32_t i = n; i-- > 0;) {
        path[i + 1].weight += one * path[i].weight * (double)(i + 1) / (double)(n + 1);
        path[i].weight = zero * path[i].weight * (double)(n - i) / (double)(n + 1);
    }
}

void path_unwind(struct step *path, uint32_t n, uint32_t i)
{
    double one = path[i].one;
    double zero = path[i].zero;
    double next = path[n].weight;
    for (uint32_t j = n; j-- > 0;) {
        if (one != 0.0) {
            double before = path[j].weight;
            path[j].weight = next * (double)(n + 1) / ((double)(j + 1) * one);
            next = before - path[j].weight * zero * (double)(n - j) / (double)(n + 1);
        } else {
            path[j].weight = path[j].weight * (double)(n + 1) / (zero * (double)(n - j));
        }
    }
    for (uint32_t j = i; j < n; j++) {
        path[j].credit = path[j + 1].credit;
        path[j].zero = path[j + 1].zero;
        path[j].one = path[j + 1].one;
    }
}

double path_unwound_sum(const struct step *path, uint32_t n, uint32_t i)
{
    double one = path[i].one;
    double zero = path[i].zero;
    double next = path[n].weight;
    double total = 0.0;
    for (uint32_t j = n; j-- > 0;) {
        if (one != 0.0) {
            double w = next * (double)(n + 1) / ((double)(j + 1) * one);
            total += w;
            next = path[j].weight - w * zero * (double)(n - j) / (double)(n + 1);
        } else {
            total += path[j].weight * (double)(n + 1) / (zero * (double)(n - j));
        }
    }
    return total;
}

uint32_t path_merge(struct step *path, uint32_t n, int32_t credit, double *zero, double *one)
{
    *zero = 1.0;
    *one = 1.0;
    for (uint32_t i = 1; i <= n; i++) {
        if (path[i].credit == credit) {
            *zero = path[i].zero;
            *one = path[i].one;
            path_unwind(path, n, i);
            return n - 1;
        }
    }
    return n;
}
