// Comparing versions such as "v1.36.3", "1.32.4-dispatcher" and "go1.26.8": the numbers count, what follows does not.

/** Negative, zero or positive as the first version is older, equal or newer, by major, minor and patch. */
export function compareVersions(first: string, second: string): number {
  const [a, b] = [numbersOf(first), numbersOf(second)];
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/**
 * Kubernetes' rule: kubectl works with an API server that is at most one minor version older or newer.
 * A version that cannot be read does not fit.
 */
export function kubectlFitsServer(kubectlVersion: string, serverVersion: string): boolean {
  const [kubectl, server] = [numbersOf(kubectlVersion), numbersOf(serverVersion)];
  return kubectl.major > 0 && kubectl.major === server.major && Math.abs(kubectl.minor - server.minor) <= 1;
}

function numbersOf(version: string): { readonly major: number; readonly minor: number; readonly patch: number } {
  const [, major = '0', minor = '0', patch = '0'] = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return { major: Number(major), minor: Number(minor), patch: Number(patch) };
}
