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
GEN     := $(B)/gen

# ---- flags -----------------------------------------------------------------------------------------------------------
pc       = $(shell pkg-config $(1) $(2) 2>/dev/null)
PKGS_L  := libcjson
PKGS_B  := libcjson libsodium
PKGS_S  := libjwt sqlite3
PKGS_T  :=
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef \
           -Wwrite-strings -Wpointer-arith -Wcast-qual $(WERROR)
OPT     := $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,\
           $(if $(DEBUG),-O0 -g3,-O2 -g))
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
lib_src      := $(addprefix common/base/,err.c arena.c text.c number.c json.c) $(wildcard common/trees/*.c)
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
all: $(B)/libmercredi.a $(B)/libmercredi.so $(B)/mercredi.pc $(B)/mercredi-fcgi $(B)/mercredi-train

# The only lines that name an instruction set, and the only room with threads.
$(B)/common/trees/evaluate_avx2.o:   ALL_CFLAGS += -mavx2
$(B)/common/trees/evaluate_avx512.o: ALL_CFLAGS += -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vbmi -mgfni
$(call o,$(train_src)): ALL_CFLAGS += -fopenmp

$(GEN)/queries.h: fcgi/sql/queries.sql fcgi/sql/embed.awk
	@mkdir -p $(@D); echo "  GEN   $@"
	$(Q)awk -f fcgi/sql/embed.awk $< > $@.tmp && mv $@.tmp $@
$(GEN)/migrations.h: $(wildcard fcgi/sql/sqlite/*.sql) fcgi/sql/embed_migrations.awk
	@mkdir -p $(@D); echo "  GEN   $@"
	$(Q)awk -f fcgi/sql/embed_migrations.awk $(sort $(wildcard fcgi/sql/sqlite/*.sql)) > $@.tmp && mv $@.tmp $@
$(call o,$(fcgi_src)): | $(GEN)/queries.h $(GEN)/migrations.h

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
$(B)/mercredi.pc: common/trees/mercredi.pc.in common/trees/mercredi.h
	@mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $< > $@
link = $(Q)echo "  LD    $@"; $(CC) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(ALL_LDFLAGS)
$(B)/mercredi-fcgi: $(call o,$(fcgi_src)) $(libs)
	$(link) $(LIBS_F) $(LIBS_B)
$(B)/mercredi-train: $(call o,$(train_src)) $(libs)
	$(link) $(LIBS_T) $(LIBS_B)
$(B)/tests/unit/t_%: $(B)/tests/unit/t_%.o $(B)/libparts.a $(libs)
	$(link) $(call pc,--libs,check) $(LIBS_F) $(LIBS_T) $(LIBS_B)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/driver.o $(B)/libparts.a $(libs)
	$(link) $(LIBS_F) $(LIBS_T) $(LIBS_B)

## lint: house rules (includes, direction, banned calls, SQL, length)
lint:
	@sh tests/lint.sh
## fmt: format the sources with clang-format
fmt:
	@clang-format -i $$(git ls-files '*.c' '*.h')
## help: list these targets
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
## clean: remove everything that was built
clean:
	rm -rf build compile_commands.json
.PHONY: all lint fmt help clean
.SECONDARY:
-include $(all_src:%.c=$(B)/%.d)
