/* The path of TreeSHAP (Lundberg, Erion, Lee 2018, algorithm 2): which features are known on the way from the root to a
 * leaf, and how much of every subset's weight flows there. Pure functions on a caller's array. */
#ifndef MRC_TREES_SHAP_PATH_H
#define MRC_TREES_SHAP_PATH_H

#include <stdint.h>

enum { SHAP_DEPTH_MAX = 64, SHAP_NO_CREDIT = -1 };

/* One step: who gets its credit (SHAP_NO_CREDIT at the root), and the fractions of weight that flow through it when the
 * feature is unknown (zero) and known (one). */
struct step {
    int32_t credit;
    double zero, one, weight;
};

/* Append a step; path[0 … n-1] are there, path has room for n + 1. */
void path_extend(struct step *path, uint32_t n, int32_t credit, double zero, double one);
/* Remove step i of a path whose last index is n. */
void path_unwind(struct step *path, uint32_t n, uint32_t i);
/* Sum of the path's weights as if step i had been removed. */
double path_unwound_sum(const struct step *path, uint32_t n, uint32_t i);
/* A feature that is split on again is one feature: take its earlier step out, and give back its fractions (1 and 1 when
 * there is none). Returns the path's last index afterwards. */
uint32_t path_merge(struct step *path, uint32_t n, int32_t credit, double *zero, double *one);

#endif
