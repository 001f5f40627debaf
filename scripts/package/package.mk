# The static program and the packages that are made of it. The Makefile includes this file.

# ---- one file for every Linux -----------------------------------------------------------------------------------------
STATIC_VARIABLES = VARIANT=static STATIC=yes BLAS=inside CFLAGS='$(or $(STATIC_OPTIMISE),-O2)' JPEG=turbo PNG=png WEBP=libwebp \
	GIF=giflib TIFF=libtiff UTF8PROC=libutf8proc

static: ## build build/static/freezetune: every library in it, for any Linux on x86-64
	@sh scripts/deps.sh static
	$(again) build/static/freezetune $(STATIC_VARIABLES)
	@sh scripts/package/check_static.sh build/static/freezetune

ifneq ($(STATIC),)
STATIC_OBJECTS := $(BUILD)/cjson/cJSON.o $(BUILD)/scripts/package/static_tiff.o
$(PROGRAM): | $(STATIC_OBJECTS) $(BUILD)/openblas.o

# cJSON has no archive in Debian: one file of its source is compiled here. CJSON_SOURCE names another copy of it. This and
# OpenBLAS's part are made once; `make clean` removes them.
$(BUILD)/cjson/cJSON.c:
	$(call say,GET)
	@mkdir -p $(@D)
	$(quiet)$(if $(CJSON_SOURCE),cp '$(CJSON_SOURCE)' $@,sh scripts/package/debian_source.sh cjson cJSON.c $@)

$(BUILD)/cjson/cJSON.o: $(BUILD)/cjson/cJSON.c $(BUILD)/flags
	$(call say,CC)
	$(quiet)$(CC) -std=c11 -D_DEFAULT_SOURCE $(HARDEN_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(STATIC_CFLAGS) -isystem /usr/include/cjson -c -o $@ $<

$(BUILD)/openblas.o: $(OPENBLAS_ARCHIVE) scripts/package/static_openblas.sh
	$(call say,LD)
	$(quiet)sh scripts/package/static_openblas.sh $(OPENBLAS_ARCHIVE) $@
endif

# ---- tarball ----------------------------------------------------------------------------------------------------------
DIST_NAME := freezetune-$(VERSION)-linux-$(ARCH)
DIST_DOC := build/dist/tree/$(DIST_NAME)/share/doc/freezetune

dist: static ## pack the static program, man page, completion and licences as build/dist/*.tar.xz with its SHA-256
	@sh scripts/deps.sh package
	@rm -rf build/dist
	+@$(MAKE) --no-print-directory $(STATIC_VARIABLES) install DESTDIR='$(CURDIR)/build/dist/tree' PREFIX='/$(DIST_NAME)' >/dev/null
	@install -m 644 CHANGELOG.md '$(DIST_DOC)'
	@sh scripts/package/licences.sh build/static/freezetune.map '$(DIST_DOC)/licences'
	@sh scripts/package/dist.sh build/dist/tree '$(DIST_NAME)' build/dist

# ---- wheel ------------------------------------------------------------------------------------------------------------
wheel: dist ## pack it with the Python package of python/freezetune as build/dist/*.whl
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} \
		python3 scripts/package/wheel.py 'build/dist/tree/$(DIST_NAME)' '$(VERSION)' build/dist

# ---- Debian's package -------------------------------------------------------------------------------------------------
deb: ## build Debian's package from the tracked files as build/deb/*.deb, unit tests included; lintian looks at it
	@sh scripts/deps.sh deb
	@sh scripts/package/deb.sh '$(VERSION)' build/deb

check-static: ## build static program and tarball twice, in two folders, and compare them (about five minutes)
	@sh scripts/package/check_reproducible.sh

check-container: static $(BUILD)/tests/tools/make_photos ## do what scripts/package/Dockerfile says by chroot, and train there (as root)
	@sh scripts/package/check_container.sh build/static/freezetune '$(BUILD)/tests/tools/make_photos'

check-musl: freezetune $(BUILD)/tests/tools/make_photos ## build build/musl/freezetune with musl, and compare what it trains with ./freezetune
	@sh scripts/deps.sh musl
	@sh scripts/package/check_musl.sh '$(PROGRAM)' '$(BUILD)/tests/tools/make_photos'

.PHONY: static dist wheel deb check-static check-container check-musl
