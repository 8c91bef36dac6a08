/**
 * Which namespaces may use an account, pure: by name, or by their labels as Kubernetes selectors mean it.
 */
import type { AllowedNamespaces, LabelRequirement, Labels, LabelSelector } from './model.ts';

/** Whether the labels of a namespace matter, because its name alone does not decide. */
export function needsLabels({ names, selector }: AllowedNamespaces, namespace: string): boolean {
  return selector !== undefined && !names.includes(namespace);
}

/** `labels` is undefined for a namespace that does not exist or whose labels were not needed. */
export function isAllowed(
  { names, selector }: AllowedNamespaces,
  namespace: string,
  labels: Labels | undefined,
): boolean {
  if (names.includes(namespace)) return true;
  return selector !== undefined && labels !== undefined && matches(selector, labels);
}

function matches({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => valueOf(labels, key) === value) &&
    matchExpressions.every((requirement) => holds(requirement, labels))
  );
}

/** A namespace without the label satisfies NotIn: so do Kubernetes' own selectors. */
function holds({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = valueOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** A label may be called like something every object has, such as `constructor`. */
function valueOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
