# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts. The one place where tool versions are pinned;
# Python packages are pinned in requirements.txt and requirements-dev.txt.

# Fetched from the Go module proxy where the machine's Go is older than go.mod
# asks for (Debian 12 ships 1.19).
GO_TOOLCHAIN=1.26.8

GOLANGCI_LINT=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
