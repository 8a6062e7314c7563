# Everything a contributor runs. `make help` lists it.
TAGS    := containers_image_openpgp exclude_graphdriver_btrfs osusergo
# A semantic version: the tag, or for other commits v0.0.0 (or the tag before) and the commit.
VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || echo v0.0.0-$$(git describe --always --dirty --match '' --abbrev=12 2>/dev/null | sed 's/^/g/'))
GO      ?= go
PREFIX  ?= /usr/local
export CGO_ENABLED = 1

LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: build install uninstall man test test-long test-cluster coverage vulncheck vet lint docs verify-vendor demo pictures packages image test-packages bench bench-build bench-all bench-fetch bench-growth reliability fuzz help
build: ## build bin/oc-rebuild
	@echo "Compiling oc-rebuild; with an empty build cache that takes two or three minutes."
	@GO='$(GO)' hack/build bin/oc-rebuild -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)'

install: build man ## put oc-rebuild and kubectl-rebuild on PATH, and their manual (PREFIX=/usr/local)
	install -D -m 0755 bin/oc-rebuild $(DESTDIR)$(PREFIX)/bin/oc-rebuild
	ln -sf oc-rebuild $(DESTDIR)$(PREFIX)/bin/kubectl-rebuild
	for prefix in oc kubectl; do \
	  install -m 0755 hack/completion $(DESTDIR)$(PREFIX)/bin/$${prefix}_complete-rebuild || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 0644 bin/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/

uninstall: ## take away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/oc-rebuild $(DESTDIR)$(PREFIX)/bin/kubectl-rebuild
	rm -f $(DESTDIR)$(PREFIX)/bin/oc_complete-rebuild $(DESTDIR)$(PREFIX)/bin/kubectl_complete-rebuild
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/oc-rebuild.1 $(DESTDIR)$(PREFIX)/share/man/man1/oc-rebuild-*.1

man: ## write the manual to bin/man
	@$(GO) test -trimpath -tags '$(TAGS)' ./cmd/internal/cli -run TestManual -man $(CURDIR)/bin/man >/dev/null

pictures: build ## make the pictures of the documents anew; that of a run on a cluster where OC_REBUILD_CLUSTER is set, as for test-cluster
	@$(GO) run -trimpath -tags '$(TAGS)' ./hack/pictures
	@[ -z "$$OC_REBUILD_CLUSTER" ] || OC_REBUILD_PICTURE=$(CURDIR)/docs/pictures/cluster.svg \
	  $(GO) test -trimpath -tags '$(TAGS)' -count=1 -run TestPicture ./hack/cluster

packages: man ## tar.gz, .deb, .rpm, SBOM, krew manifest and checksums in dist/ (fetches the tools for it)
	@hack/package/package $(VERSION)

image: ## what Containerfile takes, in dist/image, after `make packages`; with IMAGE=NAME an image of it, by podman or buildah
	@hack/package/image $(IMAGE)

test-packages: packages ## install and run what packages makes
	$(GO) test -trimpath -tags '$(TAGS)' -count=1 ./hack/package -dist $(CURDIR)/dist

demo: ## rebuild an operator in a payload on loopback: no network, no account
	@hack/requirements demo
	@$(MAKE) --no-print-directory build
	@echo "Compiling the demo."
	@$(GO) run -trimpath -tags '$(TAGS)' ./hack/demo

bench: build ## how long each command takes, and how many requests it makes
	@hack/requirements bench
	$(GO) run -trimpath -tags '$(TAGS)' ./hack/bench

bench-build: build ## builds beside buildah's, with medians: BENCH='-release R -release-repo D -component C -source D -edit F'
	$(GO) run -trimpath -tags '$(TAGS)' ./hack/bench/build $(BENCH)

bench-all: build ## rebuilds of 1, 8, 49 and all components of a payload: seconds, requests, memory, disk
	@hack/requirements bench
	$(GO) run -trimpath -tags '$(TAGS)' ./hack/bench/all

bench-growth: build ## seconds and memory with payloads, configs and repositories of growing size
	@hack/requirements bench
	$(GO) run -trimpath -tags '$(TAGS)' ./hack/bench/growth

fuzz: ## every reader of what others write, with inputs made for it: FUZZTIME=10m FUZZ=payload
	@hack/fuzz $(or $(FUZZTIME),1m) $(FUZZ)

reliability: build ## runs that are killed, interrupted, at once, on full disks, with a registry that fails: RUNS=20 FIGURES='killed full'
	@hack/requirements bench
	$(GO) run -trimpath -tags '$(TAGS)' ./hack/reliability $(if $(RUNS),-runs $(RUNS)) $(FIGURES)

bench-fetch: ## fetch and checkout of a commit beside git's, with medians: BENCH='-repository URL -commit ID'
	$(GO) run -trimpath -tags '$(TAGS)' ./hack/bench/fetch $(BENCH)

test: ## all tests but the long ones; the packages that take longest begin first
	@hack/requirements test
	@echo "Testing; with an empty build cache nothing is heard for some minutes while everything is compiled."
	@$(GO) test -trimpath -tags '$(TAGS)' -timeout 40m -p 3 -parallel 4 ./hack/e2e ./rebuild ./hack/osimages ./...
	@hack/requirements test # says again what was left out

coverage: ## how much of each package the end-to-end scripts run, and advice that no test has had given
	@hack/requirements test
	@data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && mkdir "$$data/scripts" "$$data/packages" && \
	  OC_REBUILD_LONG=1 GOCOVERDIR=$$data/scripts $(GO) test -trimpath -tags '$(TAGS)' -timeout 60m -count=1 ./hack/e2e ./hack/osimages >&2 && \
	  $(GO) tool covdata percent -i "$$data/scripts" && \
	  packages=$$($(GO) list ./cmd/... ./rebuild/... ./payload/... ./ciconfig/... ./gitsrc/... ./internal/... | paste -sd,) && \
	  $(GO) test -trimpath -tags '$(TAGS)' -timeout 60m -count=1 -cover -coverpkg="$$packages" \
	    $$($(GO) list ./... | grep -v -e /hack/e2e -e /hack/osimages) -args -test.gocoverdir="$$data/packages" >&2 && \
	  $(GO) tool covdata textfmt -i "$$data/scripts,$$data/packages" -o "$$data/profile" && \
	  $(GO) run -trimpath ./hack/advice "$$data/profile"

test-long: ## what takes longer: more scripts, a whole payload, more kept stages and failures, and real operators, of which OC_REBUILD_SHARED and OC_REBUILD_GIT_ROOT have the data
	OC_REBUILD_LONG=1 $(GO) test -trimpath -tags '$(TAGS)' -timeout 60m -count=1 \
	  -run 'TestLongScripts|TestWholePayload|TestRealPayload|TestStagesAreKept|TestTreesAreKept|TestUnreliableRegistry' ./hack/e2e ./rebuild

test-cluster: ## deploy and build on a real cluster, one with Tekton: OC_REBUILD_CLUSTER is its kubeconfig, OC_REBUILD_CLUSTER_REGISTRY a registry that it pulls from; OC_REBUILD_LONG=1 for a whole payload, too
	$(GO) test -trimpath -tags '$(TAGS)' -timeout 40m -count=1 -v ./hack/cluster

vulncheck: ## known vulnerabilities in what the program calls (fetches govulncheck and its database)
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 -tags '$(TAGS)' ./cmd/oc-rebuild

vet: ## go vet with the build tags of the program
	$(GO) vet -tags '$(TAGS)' ./...

lint: vet ## vet, gofmt and staticcheck, all from the vendor directory
	@unformatted=$$(gofmt -l cmd rebuild payload ciconfig gitsrc internal hack); \
	  [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted" >&2; exit 1; }
	$(GO) tool staticcheck -tags '$(TAGS)' ./...

docs: ## write docs/commands, docs/plan.schema.json and the table of attacks from the code
	$(GO) test -trimpath ./hack/attacks -update
	$(GO) test -trimpath -tags '$(TAGS)' ./cmd/internal/cli -run TestReferenceIsCurrent -update
	$(GO) test -trimpath -tags '$(TAGS)' ./rebuild/plan -run TestSchema -update

verify-vendor: ## check that vendor/ is what go.mod and go.sum say (needs the module cache or a proxy)
	$(GO) mod verify
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && $(GO) mod vendor -o "$$copy/vendor" && diff -r vendor "$$copy/vendor"

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
