# SPDX-License-Identifier: Apache-2.0
#
# `make help` says what there is. Everything that is built goes to build/; nothing here needs more than make and a shell
# to be read, so that the targets which call tools/deps work on a machine that has only git and make.
#
#   V=1      show the commands
#   SAN=1    user space with address and undefined-behaviour sanitizers (rebuilds in the same folder)
#   T=60     seconds for each fuzzer

VERSION := 0.1.0
PREFIX ?= /usr/local
CC := gcc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
B := build

ifeq ($(V),1)
say = @:
Q :=
else
say = @printf '  %-8s %s\n'
Q := @
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

# Flags -------------------------------------------------------------------------------------------------------------
comma := ,
INCLUDES := -Iinclude -Iuser -I$(B)
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Werror
BASE := -std=gnu11 -D_GNU_SOURCE $(INCLUDES)
SANITIZE := $(if $(filter 1,$(SAN)),-fsanitize=address$(comma)undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
USER_FLAGS = $(BASE) $(WARN) $(CFLAGS) $(SANITIZE)
TEST_FLAGS = $(USER_FLAGS) -Itests
FUZZ_FLAGS = $(BASE) -Wall -Wextra -Werror -Itests -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined
# Signatures of BPF programs and loop bodies are the kernel's, whether they need all of it or not.
BPF_FLAGS := -std=gnu11 -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter -Werror -Iinclude -Ivmlinux -Ibpf -Itests
LIBS := -lbpf -lelf -lz -lcjson -lyaml -lmicrohttpd -lmnl -lpthread -lm
LINK = $(CC) $(SANITIZE) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS)

# Sources -----------------------------------------------------------------------------------------------------------
# user/*.c but the mains and user/policy/ serve both programs, user/cli/ the command, the other rooms the agent.
bpf_src := $(wildcard bpf/*.bpf.c)
mains := user/graylinkd.c user/graylinkctl.c
common_src := $(filter-out $(mains),$(wildcard user/*.c)) $(wildcard user/policy/*.c)
cli_src := $(wildcard user/cli/*.c)
agent_src := $(filter-out $(cli_src) $(common_src),$(wildcard user/*/*.c))
room_src := $(common_src) $(cli_src) $(agent_src)
svc_src := $(wildcard tools/lab/*.c)
bench_src := $(wildcard tools/bench/*.c)
tool_src := $(wildcard tools/*.c)

# Tests: test_*.c are programs; the other files of their folder are linked to each of them, those of tests/lib/ at need.
suites := unit prog model
test_main := $(wildcard $(suites:%=tests/%/test_*.c))
test_help := $(filter-out $(test_main) %.bpf.c,$(wildcard $(suites:%=tests/%/*.c)))
test_lib := $(wildcard tests/lib/*.c)
test_bpf := $(wildcard $(suites:%=tests/%/*.bpf.c))
fuzz_main := $(wildcard tests/fuzz/fuzz_*.c)

o = $(patsubst %.c,$(B)/obj/%.o,$(1))
skels := $(bpf_src:bpf/%.bpf.c=$(B)/%.skel.h)
bpf_obj := $(bpf_src:bpf/%.bpf.c=$(B)/%.bpf.o)
test_skels := $(test_bpf:%.bpf.c=$(B)/%.skel.h)
programs := $(patsubst user/%.c,$(B)/%,$(wildcard $(mains)))
programs += $(if $(svc_src),$(B)/svc) $(bench_src:tools/bench/%.c=$(B)/bench/%) $(tool_src:tools/%.c=$(B)/%)
test_programs := $(test_main:%.c=$(B)/%)
fuzzers := $(fuzz_main:tests/fuzz/%.c=$(B)/fuzz/%)

# Targets for people ------------------------------------------------------------------------------------------------
# As many jobs as cores, unless the caller has said how many.
build = +$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))
root = $$([ "$$(id -u)" = 0 ] || echo sudo -E)

.PHONY: all tests fuzzers deps test demo lab lab-down bench fuzz lint fmt verify install help clean distclean FORCE

all: $(bpf_obj) $(skels) $(programs) ## build everything (default)

tests: all $(test_programs) ## build the tests, too

fuzzers: $(fuzzers) ## build the fuzzers

deps: ## install the Debian packages that are missing
	$(Q)tools/deps

test: ## install what is missing, build, and run every test
	$(Q)tools/deps build lab test
	$(Q)$(build) tests fuzzers
	$(Q)$(root) tests/run

demo: ## install what is missing, build, and show a gray release from its start to a rollback
	$(Q)tools/deps build lab
	$(Q)$(build) all
	$(Q)$(root) tools/lab/demo

lab: ## make a lab of pods and leave it up
	$(Q)tools/deps build lab
	$(Q)$(build) all
	$(Q)$(root) tools/lab/lab up

lab-down: ## take that lab down
	$(Q)$(root) tools/lab/lab down

bench: ## compare with the plain Service path and with proxies
	$(Q)tools/deps build lab
	$(Q)$(build) all
	$(Q)$(root) tools/bench/run

fuzz: fuzzers ## run every fuzzer for T seconds
	$(Q)T=$(or $(T),60) tests/run fuzz

lint: ## layout, warnings, static analysis, scripts, licences, sizes
	$(Q)tools/deps build lint test
	$(Q)$(build) tests fuzzers
	$(Q)tools/lint

fmt: ## lay out the sources
	$(Q)tools/deps lint
	$(Q)tools/format

verify: $(bpf_obj) $(B)/verifier-budget ## load the BPF programs here, compare their instructions with the budget
	$(Q)$(root) $(B)/verifier-budget --budget tools/verifier-budget.txt $(bpf_obj)

install: all ## install below DESTDIR and PREFIX
	$(Q)install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin
	$(Q)install -m 0755 $(B)/graylinkd $(DESTDIR)$(PREFIX)/sbin/graylinkd
	$(Q)install -m 0755 $(B)/graylinkctl $(DESTDIR)$(PREFIX)/bin/graylinkctl

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' Makefile | expand -t 14
	@sed -nE 's/^#   ([A-Z]+=.*)/  \1/p' Makefile

clean: ## remove what was built; downloads stay
	$(Q)[ ! -d $(B) ] || find $(B) -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +

distclean: ## remove build/ altogether
	$(Q)rm -rf $(B)

# BPF ---------------------------------------------------------------------------------------------------------------
# DWARF goes, BTF stays: libbpf needs nothing else, and the agent carries the object inside itself.
define compile_bpf
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -MF $(@:.o=.d) -c $< -o $@
	$(Q)llvm-strip -g $@
endef

define skeleton
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*)) > $@
endef

$(B)/%.bpf.o: bpf/%.bpf.c $(B)/.bpf-flags
	$(compile_bpf)

$(B)/tests/%.bpf.o: tests/%.bpf.c $(B)/.bpf-flags
	$(compile_bpf)

$(B)/%.skel.h: $(B)/%.bpf.o
	$(skeleton)

# User space --------------------------------------------------------------------------------------------------------
$(B)/obj/%.o: %.c $(B)/.flags
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(if $(filter tests/%,$<),$(TEST_FLAGS),$(USER_FLAGS)) -MMD -MP -c $< -o $@

# Generated headers must be there before the first compilation; afterwards the .d files know who needs them.
$(call o,$(room_src) $(mains)): | $(skels) $(B)/version.h
$(call o,$(test_main) $(test_help) $(test_lib)): | $(skels) $(test_skels) $(B)/version.h

# Made anew each time, so that an object whose source is gone does not linger.
define archive
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)
endef

$(B)/libcommon.a: $(call o,$(common_src)) $(B)/.sources
	$(archive)

$(B)/libuser.a: $(call o,$(room_src)) $(B)/.sources
	$(archive)

$(B)/graylinkd: $(call o,user/graylinkd.c $(agent_src)) $(B)/libcommon.a
	$(say) LINK $@
	$(Q)$(LINK)

$(B)/graylinkctl: $(call o,user/graylinkctl.c $(cli_src)) $(B)/libcommon.a
	$(say) LINK $@
	$(Q)$(LINK)

$(B)/svc: $(call o,$(svc_src))
	$(say) LINK $@
	$(Q)$(LINK)

$(B)/bench/%: $(B)/obj/tools/bench/%.o
	$(say) LINK $@
	@mkdir -p $(@D)
	$(Q)$(LINK)

$(tool_src:tools/%.c=$(B)/%): $(B)/%: $(B)/obj/tools/%.o
	$(say) LINK $@
	$(Q)$(LINK)

# Tests -------------------------------------------------------------------------------------------------------------
$(B)/libtest.a: $(call o,$(test_lib)) $(B)/.sources
	$(archive)

define link_test
$(patsubst %.c,$(B)/%,$(1)): $(call o,$(1) $(filter $(dir $(1))%,$(test_help))) $(B)/libtest.a $(B)/libuser.a
	$(say) LINK $$@
	@mkdir -p $$(@D)
	$(Q)$$(LINK) -lcmocka
endef
$(foreach t,$(test_main),$(eval $(call link_test,$(t))))

# Fuzzers see everything but the mains, instrumented.
$(B)/fuzz/obj/%.o: %.c $(B)/.fuzz-flags
	$(say) FUZZCC $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c $< -o $@

fuzz_room_obj := $(room_src:%.c=$(B)/fuzz/obj/%.o)
$(fuzz_room_obj) $(fuzz_main:%.c=$(B)/fuzz/obj/%.o): | $(skels) $(B)/version.h

$(B)/fuzz/libuser.a: $(fuzz_room_obj) $(B)/.sources
	$(archive)

$(fuzzers): $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/%.o $(B)/fuzz/libuser.a
	$(say) LINK $@
	$(Q)$(CLANG) -fsanitize=fuzzer,address,undefined -Wl,--as-needed -o $@ $^ $(LIBS)

# What was used last time: written only when it differs, so that a change of flags or files rebuilds what it touches --
define remember
	@mkdir -p $(@D)
	@printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' > $@
endef

$(B)/.flags: FORCE
	$(call remember,$(CC) $(TEST_FLAGS))
$(B)/.bpf-flags: FORCE
	$(call remember,$(CLANG) $(BPF_FLAGS))
$(B)/.fuzz-flags: FORCE
	$(call remember,$(CLANG) $(FUZZ_FLAGS))
$(B)/.sources: FORCE
	$(call remember,$(room_src) $(test_lib))
$(B)/version.h: FORCE
	$(call remember,#define GL_VERSION "$(VERSION)")

-include $(shell find $(B) -path $(B)/cache -prune -o -name '*.d' -type f -print 2>/dev/null)
