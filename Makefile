# Mercredi: libmercredi, mercredi-fcgi, mercredi-train. `make help` lists the targets.
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
SHELL   := /bin/sh
ifeq ($(origin CC),default)
CC      := cc
endif
CXX     ?= c++
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
comma   := ,
B       ?= build/$(if $(SAN),san-$(subst $(comma),-,$(SAN)),$(if $(DEBUG),debug,release))
# One name for each folder of ours: dependencies are kept by name.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))
GEN     := $(B)/gen

# ---- flags -----------------------------------------------------------------------------------------------------------
pc       = $(shell pkg-config $(1) $(2) 2>/dev/null)
PKGS_L  := libcjson
PKGS_B  := libcjson libsodium libutf8proc libcurl
PKGS_S  := libjwt sqlite3 libpq
PKGS_T  :=
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef \
           -Wwrite-strings -Wpointer-arith -Wcast-qual $(WERROR)
OPT     := $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,\
           $(if $(DEBUG),-O0 -g3,-O2 -g)) $(if $(LIBFUZZER),-fsanitize=fuzzer-no-link)
ALL_CPPFLAGS := -I. -I$(GEN) -D_POSIX_C_SOURCE=200809L $(call pc,--cflags,$(PKGS_B) $(PKGS_S) $(PKGS_T)) $(CPPFLAGS)
ALL_CFLAGS   := -std=c11 -ffp-contract=off -fPIC -fvisibility=hidden $(WARN) $(OPT) $(CFLAGS)
ALL_LDFLAGS  := $(if $(SAN),-fsanitize=$(SAN)) -Wl,--as-needed $(LDFLAGS)
LIBS_L  := $(call pc,--libs,$(PKGS_L)) -lm
LIBS_B  := $(call pc,--libs,$(PKGS_B)) -lm
LIBS_F  := $(call pc,--libs,$(PKGS_S)) -lfcgi
LIBS_T  := $(call pc,--libs,$(PKGS_T)) -fopenmp
VERSION := $(shell awk '/define MRC_VERSION_(MAJOR|MINOR|PATCH)/{v = v s $$3; s = "."} END{print v}' common/trees/mercredi.h)
SONAME  := libmercredi.so.$(firstword $(subst ., ,$(VERSION)))

# ---- rooms -----------------------------------------------------------------------------------------------------------
lib_src      := $(addprefix common/base/,err.c arena.c text.c number.c json.c json_out.c) $(wildcard common/trees/*.c)
base_src     := $(filter-out $(lib_src),$(wildcard common/base/*.c))
forecast_src := $(wildcard common/forecast/*.c)
fcgi_src     := $(wildcard fcgi/*.c)
train_src    := $(wildcard train/*.c)
unit_src     := $(wildcard tests/unit/t_*.c)
fuzz_src     := $(wildcard tests/fuzz/fuzz_*.c)
o             = $(1:%.c=$(B)/%.o)
all_src      := $(lib_src) $(base_src) $(forecast_src) $(fcgi_src) $(train_src) $(unit_src) $(fuzz_src) tests/fuzz/driver.c
libs          = $(B)/libforecast.a $(B)/libbase.a $(B)/libmercredi.a

## all: libmercredi, mercredi-fcgi (server), mercredi-train (trainer)
all: $(B)/libmercredi.a $(B)/libmercredi.so $(B)/mercredi-fcgi $(B)/mercredi-train

# The only lines that name an instruction set, and the only room with threads.
# Blocks of rows count on loops of constant length being unrolled, which gcc does from -O3 on.
UNROLL := $(if $(SAN)$(DEBUG),,-O3)
ifneq ($(filter x86_64-% amd64-%,$(shell $(CC) -dumpmachine)),)
$(call o,$(wildcard common/trees/evaluate_avx2_*.c)):   ALL_CFLAGS += -mavx2
$(call o,$(wildcard common/trees/evaluate_avx512_*.c)): ALL_CFLAGS += -mavx512f -mavx512bw -mavx512vl -mavx512dq \
                                                                      -mavx512vbmi -mgfni -mpopcnt
$(call o,$(wildcard common/trees/evaluate_avx*_bins.c common/trees/evaluate_avx*_rows.c)): ALL_CFLAGS += $(UNROLL)
$(call o,train/histogram_avx2.c train/logit_avx2.c):     ALL_CFLAGS += -mavx2
$(call o,train/histogram_avx512.c train/logit_avx512.c): ALL_CFLAGS += -mavx512f -mavx512vl -mavx512dq -mprefer-vector-width=512
$(call o,train/row_moves_avx512.c train/row_walk_avx512.c): ALL_CFLAGS += -mavx512f -mavx512vl -mavx512bw -mbmi2 -mpopcnt
endif
# A square root that need not set errno can be one instruction for several bins.
$(call o,$(wildcard train/histogram_*.c)): ALL_CFLAGS += -fno-math-errno
$(call o,$(wildcard train/histogram*.c train/logit*.c) train/row_leaves.c train/leaves.c train/objective.c train/binning.c): ALL_CFLAGS += $(UNROLL)
$(call o,common/trees/shap.c): ALL_CFLAGS += $(UNROLL)
$(call o,$(train_src)): ALL_CFLAGS += -fopenmp
# Tests make argv from literals.
$(call o,$(unit_src)): ALL_CFLAGS += -Wno-write-strings

$(GEN)/queries.h: fcgi/sql/queries.sql fcgi/sql/embed.awk
	@mkdir -p $(@D); echo "  GEN   $@"
	$(Q)awk -f fcgi/sql/embed.awk $< > $@.tmp && mv $@.tmp $@
dialects := sqlite pg
define migrations_of
$(GEN)/migrations_$(1).h: $(wildcard fcgi/sql/$(1)/*.sql) fcgi/sql/embed_migrations.awk
	@mkdir -p $$(@D); echo "  GEN   $$@"
	$$(Q)awk -v dialect=$(1) -f fcgi/sql/embed_migrations.awk $(sort $(wildcard fcgi/sql/$(1)/*.sql)) >$$@.tmp && \
	    mv $$@.tmp $$@
endef
$(foreach d,$(dialects),$(eval $(call migrations_of,$(d))))
$(call o,$(fcgi_src)): | $(GEN)/queries.h $(dialects:%=$(GEN)/migrations_%.h)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D); echo "  CC    $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(B)/libmercredi.a: $(call o,$(lib_src))
$(B)/libbase.a:     $(call o,$(base_src))
$(B)/libforecast.a: $(call o,$(forecast_src))
$(B)/libparts.a:    $(call o,$(filter-out %/main.c,$(fcgi_src) $(train_src)))
$(B)/%.a:
	@echo "  AR    $@"; rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/$(SONAME): $(call o,$(lib_src))
	@echo "  LD    $@"
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) $(if $(SAN),,-Wl$(comma)-z$(comma)defs) -o $@ $^ $(ALL_LDFLAGS) $(LIBS_L)
$(B)/libmercredi.so: $(B)/$(SONAME)
	$(Q)ln -sf $(SONAME) $@
link = $(Q)echo "  LD    $@"; $(CC) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS)
$(B)/mercredi-fcgi: $(call o,$(fcgi_src)) $(libs)
	$(link) $(LIBS_F) $(LIBS_B)
$(B)/mercredi-train: $(call o,$(train_src)) $(libs)
	$(link) $(LIBS_T) $(LIBS_B)
$(B)/tests/unit/t_%: $(B)/tests/unit/t_%.o $(B)/libparts.a $(libs)
	$(link) $(call pc,--libs,check) $(LIBS_F) $(LIBS_T) $(LIBS_B)
# Its allocations go through a counter of its own.
$(B)/tests/unit/t_fit_memory: ALL_LDFLAGS += $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc aligned_alloc)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(if $(LIBFUZZER),,$(B)/tests/fuzz/driver.o) $(B)/libparts.a $(libs)
	$(link) $(if $(LIBFUZZER),-fsanitize=fuzzer) $(LIBS_F) $(LIBS_T) $(LIBS_B)

# ---- tests -----------------------------------------------------------------------------------------------------------
# tests/run.sh runs the suites and counts; it calls the targets below for what has to be built.
unit_bin   := $(unit_src:%.c=$(B)/%)
fuzz_bin   := $(fuzz_src:%.c=$(B)/%)
suites      = MAKE="$(MAKE)" B="$(B)" SAN="$(SAN)" CC="$(CC)" CXX="$(CXX)" sh tests/run.sh
## test: install what is missing, then every test
test:
	@sh tests/deps.sh test
	@+$(suites)
## check: the quick part: unit tests, public header alone, fuzz corpus replay, lint
check:
	@sh tests/deps.sh check
	@+$(suites) unit headers corpus lint
test-programs: $(unit_bin) $(fuzz_bin)
check-headers:
	@for s in c99 c11; do \
	    $(CC) -std=$$s -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c common/trees/mercredi.h || exit 1; done
	@$(CXX) -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c++ common/trees/mercredi.h
## lint: house rules (includes, direction, banned calls, SQL, length)
lint:
	@sh tests/lint.sh
## fuzz: look for new input that breaks a parser (FUZZ="json csv", FUZZ_SECONDS=60 each or FUZZ_RUNS; needs clang)
FUZZ         ?= $(fuzz_src:tests/fuzz/fuzz_%.c=%)
FUZZ_SECONDS ?= 60
# A count of executions: without tracing comparisons and weighing inputs it takes a third of the time.
fuzz_length   = $(if $(FUZZ_RUNS),-runs=$(FUZZ_RUNS) -entropic=0,-max_total_time=$(FUZZ_SECONDS))
fuzz_build    = $(if $(FUZZ_RUNS),B=build/fuzz-runs CFLAGS="-O2 -fno-sanitize-coverage=trace-cmp",B=build/fuzz)
fuzz:
	@+$(MAKE) --no-print-directory $(fuzz_build) CC=clang LIBFUZZER=1 SAN=address,undefined fuzz-explore
fuzz-explore: $(FUZZ:%=$(B)/tests/fuzz/fuzz_%)
	@set -e; for f in $(FUZZ); do \
	    mkdir -p $(B)/corpus/$$f $(B)/crashes tests/fuzz/corpus/$$f; echo "  FUZZ  $$f"; \
	    $(B)/tests/fuzz/fuzz_$$f $(fuzz_length) -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 -print_final_stats=1 \
	        -artifact_prefix=$(B)/crashes/$$f- $(B)/corpus/$$f tests/fuzz/corpus/$$f >$(B)/fuzz-$$f.log 2>&1 || \
	        { tail -40 $(B)/fuzz-$$f.log; exit 1; }; done

## bench: time evaluation and training against CatBoost (CASES="a c", TRAIN_CASES="film num100k"; skips without it)
bench: bench-apply bench-train
bench-apply: $(B)/tests/bench/bench_apply
	@sh tests/bench/apply.sh $(B)
bench-train: $(B)/mercredi-train
	@sh tests/bench/train.sh $(B)
## bench-serve: serving under each web server against FastAPI + CatBoost, in one run (SERVE_CASES="single rate"; skips without it)
bench-serve: $(B)/mercredi-fcgi $(B)/mercredi-train $(B)/tests/bench/rate $(B)/tests/bench/bench_app
	@$(B)/tests/bench/bench_app models/first-week/current tests/bench/film.json 1
	@sh tests/bench/serve.sh $(B)
$(B)/tests/bench/rate: tests/bench/rate.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -O2 $(WARN) -o $@ $<
## bench-seeds: quality of random training over ten seeds, beside CatBoost's (SEEDS=10; needs Python with catboost)
bench-seeds: $(B)/mercredi-train
	@$${MERCREDI_PY:-python3} tests/bench/seeds.py $(B)/mercredi-train build/bench/seeds
$(B)/tests/bench/bench_apply: $(B)/tests/bench/bench_apply.o $(B)/libmercredi.a
	$(link) $(LIBS_L) -lpthread
$(B)/tests/bench/bench_app: $(B)/tests/bench/bench_app.o $(B)/libparts.a $(libs)
	$(link) $(LIBS_F) $(LIBS_T) $(LIBS_B)

# ---- use -------------------------------------------------------------------------------------------------------------
## run: install what is missing, build, start web server and workers (PORT=8080 FRONT=lighttpd|apache|nginx STATE=build/run)
PORT  ?= 8080
FRONT ?= lighttpd
STATE ?= build/run
run:
	@sh tests/deps.sh run
	@+$(MAKE) --no-print-directory -s all
	@exec env PORT="$(PORT)" FRONT="$(FRONT)" STATE="$(STATE)" BIN="$(B)" WWW_MODULES="$(WWW_MODULES)" sh deploy/run.sh
## retrain: validate, back-test, train, compare with the champion: a new version, or "not better" (DATA=films.csv KIND=private PARAMS=params.json)
DATA      ?= data/sample.csv
KIND      ?= private
MODELS    ?= models/first-week
PARAMS    ?=
retrain: $(B)/mercredi-train
	@B="$(B)" DATA="$(DATA)" KIND="$(KIND)" MODELS="$(MODELS)" PARAMS="$(PARAMS)" sh deploy/retrain.sh
## deps: install everything a developer needs (Debian, Ubuntu: packages; Python and npm packages into build/)
deps:
	@sh tests/deps.sh all
## web-modules: the documentation page's and the browser tests' npm packages, into build/web
web-modules:
	@sh tests/deps.sh web

## install: into $(DESTDIR)$(PREFIX)
share := $(DESTDIR)$(PREFIX)/share/mercredi
www    = $(shell cd fcgi/www && find . -type f ! -name 'package*.json' ! -path './node_modules/*')
models = $(shell find models -type f 2>/dev/null)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 $(B)/mercredi-fcgi $(B)/mercredi-train $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(B)/libmercredi.a $(DESTDIR)$(PREFIX)/lib/libmercredi.a
	install -m 755 $(B)/$(SONAME) $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libmercredi.so
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' common/trees/mercredi.pc.in \
	    >$(DESTDIR)$(PREFIX)/lib/pkgconfig/mercredi.pc
	install -m 644 common/trees/mercredi.h $(DESTDIR)$(PREFIX)/include/mercredi.h
	install -D -m 644 common/trees/mercredi.3 $(DESTDIR)$(PREFIX)/share/man/man3/mercredi.3
	set -e; for f in data/*.json data/*.py data/*.html data/sample.csv; do install -D -m 644 $$f $(share)/$$f; done
	set -e; for f in $(www); do install -D -m 644 fcgi/www/$$f $(share)/www/$$f; done
	set -e; for f in $(models); do install -D -m 644 $$f $(share)/$$f; done
	set -e; for l in $$(find models -type l); do cp -P $$l $(share)/$$l; done
	set -e; for f in deploy/*.conf deploy/*.md deploy/*.png deploy/systemd/* deploy/compose/*; do install -D -m 644 $$f $(share)/$$f; done
## uninstall: what install put there
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/mercredi-fcgi bin/mercredi-train include/mercredi.h \
	    lib/libmercredi.a lib/$(SONAME) lib/libmercredi.so lib/pkgconfig/mercredi.pc \
	    share/man/man3/mercredi.3)
	rm -rf $(share)

# ---- odds and ends ---------------------------------------------------------------------------------------------------
## compile_commands.json: for clangd and clang-tidy
compile_commands.json: Makefile $(all_src)
	@{ sep='['; for f in $(all_src); do [ ! -f $$f ] || { printf '%s\n' "$$sep"; sep=','; \
	    printf '{"directory": "%s", "file": "%s", "command": "%s"}' "$$PWD" $$f \
	    '$(CC) $(subst ",\",$(ALL_CPPFLAGS) $(ALL_CFLAGS)) -fopenmp -c '$$f; }; done; printf '\n]\n'; } >$@.tmp && mv $@.tmp $@
## fmt: format the sources with clang-format
fmt:
	@clang-format -i $$(git ls-files '*.c' '*.h')
## help: list these targets
help:
	@sed -n 's/^## //p' Makefile
## clean: remove everything that was built
clean:
	rm -rf build compile_commands.json
.PHONY: all retrain test check test-programs check-headers lint bench bench-apply bench-train bench-seeds bench-serve fuzz fuzz-explore run deps web-modules install uninstall fmt help \
        clean
.SECONDARY:
-include $(all_src:%.c=$(B)/%.d)
