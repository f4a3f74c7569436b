# gpulet: one hand-written Makefile, no configure step. `make help` lists the targets.
#
#   make                    build/release/bin/{gpuletd,gpulet,gpulet-job}
#   make check              the quick gate: installs what is missing, builds, tests
#   make VARIANT=debug      another build beside it: debug asan ubsan tsan clang fuzz cover integer
#   make V=1                show the commands
#   make BUILD=/tmp/x       build elsewhere
#   make CFLAGS=... LDFLAGS=... WERROR= PREFIX=/usr DESTDIR=/tmp/root install
#
# Sources are found by room: a new .c file, test, fuzz target or script needs no change here.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

# ---- What a user may set ---------------------------------------------------------------------

V ?= 0
BUILD ?= build
VARIANT ?= release
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR ?= $(PREFIX)/share
DESTDIR ?=
WERROR ?= -Werror
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CLANG ?= clang
SEED ?=
STEPS ?=
FUZZ_SECONDS ?= 20

Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-8s %s\n' '$(1)' '$(patsubst $(CURDIR)/%,%,$(2))')

# ---- Variants --------------------------------------------------------------------------------

VARIANTS := release debug asan ubsan tsan clang fuzz cover integer
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT=$(VARIANT) is not one of: $(VARIANTS))
endif

hardening_compile := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
    -fstack-clash-protection $(if $(filter x86_64,$(shell uname -m)),-fcf-protection) -fPIE
hardening_link := -pie -Wl,-z,relro,-z,now

release_compile := $(hardening_compile)
release_link := $(hardening_link)
clang_compile := $(hardening_compile)
clang_link := $(hardening_link)
debug_compile := -O0 -g3
asan_compile := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
asan_link := -fsanitize=address,undefined
ubsan_compile := -O2 -g -fsanitize=undefined -fno-sanitize-recover=all
ubsan_link := -fsanitize=undefined
tsan_compile := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
tsan_link := -fsanitize=thread
fuzz_compile := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=all
fuzz_link := -fsanitize=address,undefined
cover_compile := -O0 -g --coverage
cover_link := --coverage
# Turns any floating point into a compile error; only the pure rooms are built this way, except files
# named *_vector.c, which use vector registers for integers.
integer_compile := $(hardening_compile) -mgeneral-regs-only

ifneq ($(filter clang fuzz,$(VARIANT)),)
CC := $(CLANG)
else ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin AR),default)
AR := ar
endif

# Instrumented code makes gcc see paths that are not there, so what it concludes from the flow of values
# is left to the release build.
flow_warnings := -Wno-maybe-uninitialized -Wno-null-dereference -Wno-stringop-overflow \
    -Wno-stringop-overread -Wno-array-bounds
warnings := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
    -Wmissing-prototypes -Wvla -Wcast-qual -Wformat=2 -Wundef -Wswitch-enum -Wnull-dereference \
    -Wdouble-promotion $(WERROR) $(if $(filter asan ubsan tsan cover,$(VARIANT)),$(flow_warnings))

# Asked for once, and only when something is compiled: on a bare machine `make deps` runs first.
once = $(eval $(1) := $(2))$($(1))
# The include directories of libraries are system directories: their warnings are not ours.
modules := libzmq libsodium lmdb msgpack libseccomp jansson inih
pkg_cflags = $(call once,pkg_cflags,$(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(modules))))
libs_of = $(shell $(PKG_CONFIG) --libs $(1))
libs_criterion = $(call once,libs_criterion,$(call libs_of,criterion))

# Asserts stay on in every build, whatever the user's flags say.
compile_flags = -std=c17 -D_GNU_SOURCE -I. $(pkg_cflags) $(warnings) $($(VARIANT)_compile) \
    -pthread $(CPPFLAGS) $(CFLAGS) -UNDEBUG
link_flags = $($(VARIANT)_link) -pthread -Wl,--as-needed $(CFLAGS) $(LDFLAGS)

# ---- Rooms -----------------------------------------------------------------------------------

O := $(BUILD)/$(VARIANT)
BIN := $(O)/bin

rooms := protocol crypto storage market core io cli support
protocol_dir := protocol
crypto_dir := crypto
storage_dir := storage
market_dir := node/market
core_dir := node/core
io_dir := node/io
cli_dir := cli
# Helpers of the tests. As an archive it gives each runner only the members that runner calls.
support_dir := tests/support

# What a room may link: itself first, then what it sees. Archives are searched left to right.
protocol_sees := protocol
crypto_sees := crypto protocol
storage_sees := storage crypto protocol
market_sees := market protocol
core_sees := core market crypto protocol
io_sees := io core market storage crypto protocol
cli_sees := cli market crypto protocol

protocol_modules := msgpack
crypto_modules := libsodium msgpack
storage_modules := lmdb libsodium msgpack
market_modules := msgpack
core_modules := libsodium msgpack
io_modules := $(modules)
cli_modules := libzmq libsodium msgpack jansson inih

sources_of = $(sort $(filter-out cli/main.c,$(wildcard $($(1)_dir)/*.c)))
objects_of = $(patsubst %.c,$(O)/obj/%.o,$(1))
archives_of = $(patsubst %,$(O)/lib/lib%.a,$(1))

$(foreach r,$(rooms),$(eval $(r)_objects := $(call objects_of,$(call sources_of,$(r)))))
room_archives := $(call archives_of,$(rooms))

PHONY := all
all: programs $(room_archives) ## Build the programs into build/release/bin

PHONY += programs
programs: $(if $(wildcard node/main.c),$(BIN)/gpuletd $(BIN)/gpulet-job) $(if $(wildcard cli/main.c),$(BIN)/gpulet)

$(BIN)/gpuletd: $(O)/obj/node/main.o $(call archives_of,$(io_sees)) $(O)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) -o $@ $(filter %.o %.a,$^) $(call libs_of,$(io_modules))

# Loaded twice for each job, so without shared libraries where the C library is there for that.
can_link_statically = $(call once,can_link_statically,$(shell mkdir -p $(O) && \
    echo 'int main(void) { return 0; }' >$(O)/static.c && \
    $(CC) -fPIE -static-pie -o $(O)/static $(O)/static.c 2>/dev/null && echo yes))
static_link = $(if $(filter release clang,$(VARIANT)),$(if $(can_link_statically),-static-pie))
$(BIN)/gpulet-job: $(O)/obj/node/job.o $(call archives_of,io protocol) $(O)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(if $(static_link),$(filter-out -pie,$(link_flags)) $(static_link),$(link_flags)) \
	    -o $@ $(filter %.o %.a,$^)

$(BIN)/gpulet: $(O)/obj/cli/main.o $(call archives_of,$(cli_sees)) $(O)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(link_flags) -o $@ $(filter %.o %.a,$^) $(call libs_of,$(cli_modules))

$(O)/obj/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(compile_flags) $(extra_$(subst /,_,$(<D))) -MMD -MP -c -o $@ $<

# Criterion's macros are not clean under the strictest warnings, and a test may be longer in words.
test_relaxed := -Wno-pedantic -Wno-missing-prototypes -Wno-shadow -Wno-unused-parameter
extra_tests_protocol := $(test_relaxed)
extra_tests_crypto := $(test_relaxed)
extra_tests_storage := $(test_relaxed)
extra_tests_market := $(test_relaxed)
extra_tests_core := $(test_relaxed)
extra_tests_io := $(test_relaxed)
extra_tests_cli := $(test_relaxed)
# libFuzzer's entry point has no header.
extra_tests_fuzz := -Wno-missing-prototypes

# The list of members is a file of its own, so that a source that went away leaves the archive too.
$(room_archives): $(O)/lib/lib%.a: $(O)/lib/%.members
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $($*_objects)

$(patsubst %,$(O)/lib/%.members,$(rooms)): $(O)/lib/%.members: FORCE
	@mkdir -p $(@D)
	@echo '$($*_objects)' | cmp -s - $@ || echo '$($*_objects)' >$@

$(foreach r,$(rooms),$(eval $(O)/lib/lib$(r).a: $($(r)_objects)))

# Other flags or another compiler build everything again.
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(subst ','\'',$(compile_flags) $(link_flags))' >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi

# ---- Programs of the tests -------------------------------------------------------------------

# One Criterion runner a room; it links only what that room may use.
test_rooms := $(foreach r,$(filter-out support,$(rooms)),$(if $(wildcard tests/$(r)/test_*.c),$(r)))
unit_runners := $(patsubst %,$(O)/tests/unit/%,$(test_rooms))
unit_sources := $(foreach r,$(test_rooms),$(wildcard tests/$(r)/*.c))
define unit_runner
$(O)/tests/unit/$(1): $(call objects_of,$(sort $(wildcard tests/$(1)/*.c))) \
    $(call archives_of,support $($(1)_sees)) $(O)/flags
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(link_flags) -o $$@ $$(filter %.o %.a,$$^) $$(libs_criterion) \
	    $$(call libs_of,$($(1)_modules))
endef
$(foreach r,$(test_rooms),$(eval $(call unit_runner,$(r))))

# A program of one or more sources: $(1) its path, $(2) its sources, $(3) its rooms, $(4) its modules.
define program
$(1): $(call objects_of,$(2)) $(call archives_of,$(3)) $(O)/flags
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $$(link_flags) $$(extra_link) -o $$@ $$(filter %.o %.a,$$^) $$(call libs_of,$(4))
endef
everything := support cli io core market storage crypto protocol

sim_sources := $(sort $(wildcard tests/sim/*.c))
sim_program := $(if $(sim_sources),$(O)/tests/sim)
# Cores in a world of its own: it links no I/O.
$(if $(sim_sources),$(eval $(call program,$(O)/tests/sim,$(sim_sources),support $(core_sees),$(core_modules))))

bench_sources := $(sort $(wildcard tests/bench/*.c))
bench_program := $(if $(bench_sources),$(O)/tests/bench)
$(if $(bench_sources),$(eval $(call program,$(O)/tests/bench,$(bench_sources),$(everything),$(modules))))

stress_names := $(patsubst tests/stress/%.c,%,$(sort $(wildcard tests/stress/*.c)))
stress_programs := $(patsubst %,$(O)/tests/stress/%,$(stress_names))
$(foreach n,$(stress_names),$(eval $(call program,$(O)/tests/stress/$(n),tests/stress/$(n).c,$(everything),$(modules))))

# Hostile input for running nodes.
attack_names := $(patsubst tests/attack/%.c,%,$(sort $(wildcard tests/attack/*.c)))
attack_programs := $(patsubst %,$(O)/tests/attack/%,$(attack_names))
$(foreach n,$(attack_names),$(eval $(call program,$(O)/tests/attack/$(n),tests/attack/$(n).c,$(everything),$(modules))))

tool_names := $(patsubst tests/tools/%.c,%,$(sort $(wildcard tests/tools/*.c)))
tool_programs := $(patsubst %,$(O)/tests/tools/%,$(tool_names))
$(foreach n,$(tool_names),$(eval $(call program,$(O)/tests/tools/$(n),tests/tools/$(n).c,support cli core market crypto protocol,$(cli_modules))))

# A fuzz target is a libFuzzer program in the fuzz variant; elsewhere tests/fuzz/replay.c feeds it the
# files of its corpus.
fuzz_names := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
fuzz_shared := $(sort $(filter-out tests/fuzz/fuzz_% tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
fuzz_programs := $(patsubst %,$(O)/tests/fuzz/%,$(fuzz_names))
fuzz_main := $(if $(filter fuzz,$(VARIANT)),,tests/fuzz/replay.c)
$(fuzz_programs): extra_link := $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer)
$(foreach n,$(fuzz_names),$(eval $(call program,$(O)/tests/fuzz/$(n),tests/fuzz/fuzz_$(n).c $(fuzz_shared) $(fuzz_main),$(everything),$(modules))))

# Libraries that stand in for a vendor's: tests/stub/libnvidia-ml.c becomes libnvidia-ml.so.1.
stub_libraries := $(patsubst tests/stub/%.c,$(O)/tests/stub/%.so.1,$(sort $(wildcard tests/stub/lib*.c)))
$(O)/tests/stub/%.so.1: tests/stub/%.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,STUB,$@)
	$(Q)$(CC) $(filter-out -fPIE,$(compile_flags)) -fPIC -shared -Wno-missing-prototypes -MMD -MP \
	    -MF $(@:.so.1=.d) -o $@ $<

PHONY += test-programs
test-programs: all $(unit_runners) $(sim_program) $(tool_programs) $(fuzz_programs) $(stub_libraries) \
    $(attack_programs)

# ---- Packages --------------------------------------------------------------------------------

packages := gcc libc6-dev pkg-config libzmq3-dev libsodium-dev liblmdb-dev libmsgpack-dev \
    libseccomp-dev libjansson-dev libinih-dev libcriterion-dev bubblewrap iproute2 procps \
    util-linux mount e2fsprogs
packages_ci := clang libclang-rt-14-dev clang-format cppcheck

PHONY += deps deps-ci
deps: ## Install the Debian packages that are missing (silent when none is)
	@sh tests/run/packages.sh $(packages)

deps-ci: deps ## Install what only .ci/run needs: clang, its runtime, cppcheck
	@sh tests/run/packages.sh $(packages_ci)

# ---- Checks ----------------------------------------------------------------------------------

# A build started by a target that is no build itself uses every processor, unless -j was given.
sub = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

export BUILD VARIANT
run_env := BIN=$(abspath $(BIN)) TESTS=$(abspath $(O)/tests) MAKE_VARIANT=$(VARIANT)

PHONY += check check-after-deps rules rules-test symbols integers unit docs docs-check replay e2e e2e-all
check: deps ## The quick gate: rules, build, unit tests, printed docs, a taste of sim, fuzz, e2e
	+@$(sub) check-after-deps

check-after-deps:
	+@$(sub) rules
	+@$(sub) test-programs
	+@$(sub) unit
	+@$(sub) symbols integers
	+@$(sub) docs-check
	+@$(sub) sim STEPS=$(or $(STEPS),short)
	+@$(sub) replay
	+@$(sub) e2e
	@echo 'check: passed'

rules: ## The source rules: who includes whom, banned calls, no clock in the pure rooms
	@sh tests/run/rules.sh

rules-test: ## Plant a violation of every source rule: each must be found
	@sh tests/rules/self_test.sh

symbols: $(room_archives) ## What the objects call: no clock, I/O or random source in the pure rooms
	@sh tests/rules/symbols.sh $(O)/lib

integers: ## Compile the pure rooms without floating point registers
	+@$(sub) VARIANT=integer pure-objects

PHONY += pure-objects
pure-objects: $(foreach r,protocol crypto market core,$(filter-out %_vector.o,$($(r)_objects)))

unit: $(unit_runners) all $(stub_libraries) ## Build and run the unit tests of every room
	@$(run_env) sh tests/run/unit.sh $(unit_runners)

docs: $(tool_programs) ## Print docs and vectors from the code's own tables
	@$(run_env) sh tests/run/docs.sh write

docs-check: $(tool_programs)
	@$(run_env) sh tests/run/docs.sh check

replay: $(fuzz_programs) ## Feed every file of the fuzz corpora to its target
	@$(run_env) sh tests/run/replay.sh $(fuzz_names)

e2e: all $(stub_libraries) $(tool_programs) $(attack_programs) ## End to end: tests/e2e/*.sh against the built programs, without slow_*
	@$(run_env) sh tests/run/e2e.sh short

e2e-all: all $(stub_libraries) $(tool_programs) $(attack_programs) ## End to end, the slow ones too
	@$(run_env) sh tests/run/e2e.sh all

PHONY += asan ubsan tsan sim soak fuzz bench cover lint format quality shortage testnet
asan: ## Unit tests and corpora under AddressSanitizer and UBSan; a leak fails
	+@$(sub) VARIANT=asan unit
	+@$(sub) VARIANT=asan replay

ubsan: ## Unit tests under UBSan alone, optimised
	+@$(sub) VARIANT=ubsan unit

tsan: ## The stress programs under ThreadSanitizer
	+@$(sub) VARIANT=tsan stress

PHONY += stress
stress: $(stress_programs) ## The stress programs of this variant
	@$(run_env) sh tests/run/stress.sh $(stress_programs)

sim: $(sim_program) ## The simulator: make sim SEED=7 STEPS=100000
	@SEED='$(SEED)' STEPS='$(STEPS)' $(run_env) sh tests/run/sim.sh

PHONY += sim-plants
sim-plants: $(sim_program) ## Plant faults in the simulated world: each must be found
	@SEED='$(SEED)' $(run_env) sh tests/run/sim_plants.sh

soak: all test-programs ## The full counts of every long test
	@$(run_env) sh tests/run/optional.sh tests/soak.sh

fuzz: ## Fuzz every target for FUZZ_SECONDS with libFuzzer (clang)
	+@$(sub) VARIANT=fuzz fuzz-run

PHONY += fuzz-run
fuzz-run: $(fuzz_programs)
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' $(run_env) sh tests/run/fuzz.sh $(fuzz_names)

bench: $(bench_program) all $(attack_programs) ## Measure; writes build/bench.json
	@$(run_env) sh tests/run/bench.sh $(BUILD)/bench.json

cover: ## Line coverage of each source file by the unit tests
	@find $(BUILD)/cover -name '*.gcda' -exec rm -f {} + 2>/dev/null || true
	+@$(sub) VARIANT=cover unit
	@sh tests/run/cover.sh $(BUILD)/cover

lint: rules rules-test ## Source rules and their self-test, layout, static analysis
	@sh tests/run/lint.sh

PHONY += install-check
install-check: all ## Install into an empty place, use it, uninstall: nothing is left
	@sh tests/run/install_check.sh '$(MAKE)'

format: ## Lay out the sources with clang-format
	@clang-format -i $$(git ls-files '*.c' '*.h')

testnet: deps ## A tour: a whole network on this machine, a rented GPU, a settled lease
	+@$(sub) all
	@$(run_env) sh tests/run/optional.sh tests/tour/testnet.sh

shortage: deps ## A tour: more demand than cards, LISTINGS=10M SEED=1
	+@$(sub) all
	@$(run_env) sh tests/run/optional.sh tests/tour/shortage.sh

quality: deps ## How close the clearing comes to the greatest surplus there can be
	+@$(sub) $(bench_program)
	@$(run_env) sh tests/run/optional.sh tests/tour/quality.sh

# ---- Installation ----------------------------------------------------------------------------

man_pages := $(sort $(wildcard docs/man/*.1 docs/man/*.5 docs/man/*.8))
installed_docs := $(sort $(wildcard README.md LICENSE))

PHONY += install uninstall dist clean distclean help
install: all ## Install below $(DESTDIR)$(PREFIX)
	$(Q)$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DATADIR)/doc/gpulet' \
	    '$(DESTDIR)$(LIBEXECDIR)/gpulet'
	$(Q)$(INSTALL) -m 755 '$(BIN)/gpulet-job' '$(DESTDIR)$(LIBEXECDIR)/gpulet/gpulet-job'
	$(Q)for program in gpuletd gpulet; do \
	    $(INSTALL) -m 755 '$(BIN)'/$$program '$(DESTDIR)$(BINDIR)'/$$program || exit 1; done
	$(Q)for page in $(man_pages); do section=$${page##*.}; \
	    $(INSTALL) -d '$(DESTDIR)$(DATADIR)/man/man'$$section && \
	    $(INSTALL) -m 644 $$page '$(DESTDIR)$(DATADIR)/man/man'$$section/ || exit 1; done
	$(Q)$(INSTALL) -m 644 $(installed_docs) '$(DESTDIR)$(DATADIR)/doc/gpulet/'
	$(Q)$(INSTALL) -d '$(DESTDIR)$(DATADIR)/bash-completion/completions'
	$(Q)$(INSTALL) -m 644 docs/man/gpulet.bash \
	    '$(DESTDIR)$(DATADIR)/bash-completion/completions/gpulet'

uninstall: ## Remove what install put there
	$(Q)rm -f '$(DESTDIR)$(BINDIR)/gpuletd' '$(DESTDIR)$(BINDIR)/gpulet' \
	    '$(DESTDIR)$(LIBEXECDIR)/gpulet/gpulet-job'
	$(Q)rmdir '$(DESTDIR)$(LIBEXECDIR)/gpulet' '$(DESTDIR)$(LIBEXECDIR)' 2>/dev/null || true
	$(Q)for page in $(man_pages); do \
	    rm -f '$(DESTDIR)$(DATADIR)/man/man'$${page##*.}/$${page##*/}; done
	$(Q)rm -f $(patsubst %,'$(DESTDIR)$(DATADIR)/doc/gpulet/%',$(notdir $(installed_docs)))
	$(Q)rm -f '$(DESTDIR)$(DATADIR)/bash-completion/completions/gpulet'
	$(Q)rmdir '$(DESTDIR)$(DATADIR)/doc/gpulet' 2>/dev/null || true
	$(Q)[ -z '$(DESTDIR)' ] || find '$(DESTDIR)' -mindepth 1 -depth -type d -empty -delete

version := $(or $(VERSION),$(shell sed -n 's/.*GPULET_VERSION "\(.*\)"/\1/p' protocol/version.h))
dist: ## A source archive of the last commit
	@mkdir -p $(BUILD)
	$(Q)git archive --format=tar --prefix=gpulet-$(version)/ HEAD | gzip -9n \
	    >$(BUILD)/gpulet-$(version).tar.gz
	@echo $(BUILD)/gpulet-$(version).tar.gz

clean: ## Remove everything that was built
	$(Q)rm -rf $(BUILD)

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: $(PHONY) FORCE
FORCE:

-include $(shell test -d $(O) && find $(O) -name '*.d')
