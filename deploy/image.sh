#!/usr/bin/env bash
# Builds the image of the operator, or only the files for it.
set -euo pipefail

usage() {
  cat <<'HELP'
Usage: deploy/image.sh TAG            builds the image TAG with docker
       deploy/image.sh --prepare DIR  writes the files of the image to DIR: the compiled operator, what it needs
                                      at run time, sbom.cdx.json (CycloneDX) and licences.txt

The files are made with npm on this machine, so nothing is pulled but the base image.

  NODE_IMAGE   base image with Node.js 24; no shell, no npm needed (node:24.21.0-bookworm-slim)
HELP
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."

prepare() {
  local into=$1
  mkdir -p "$into"
  cp package.json package-lock.json LICENSE "$into"
  npx tsc -p tsconfig.build.json --outDir "$into/dist" --sourceMap false
  (
    cd "$into"
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
    # What is installed is what is listed.
    npm pkg delete devDependencies scripts
    rm package-lock.json
    npm sbom --sbom-format=cyclonedx >sbom.cdx.json
    node -e '
      const { components } = JSON.parse(require("node:fs").readFileSync("sbom.cdx.json", "utf8"));
      const licenceOf = ({ licenses = [] }) =>
        licenses.map(({ expression, license }) => expression ?? license.id ?? license.name).join(" and ") || "none named";
      for (const one of components) console.log(`${one.name} ${one.version}: ${licenceOf(one)}`);
    ' >licences.txt
  )
}

case ${1:-} in
  '' | --help | -h)
    usage
    ;;
  --prepare)
    prepare "$(realpath -m "${2:?Cannot prepare the files: name a folder}")"
    ;;
  *)
    files=$(mktemp -d)
    trap 'rm -rf "$files"' EXIT
    echo "preparing the files of $1"
    prepare "$files"
    echo "building $1"
    docker build --file deploy/Dockerfile --tag "$1" ${NODE_IMAGE:+--build-arg NODE_IMAGE="$NODE_IMAGE"} "$files"
    ;;
esac
