/**
 * Label selectors in the text form of kubectl, such as `team=voice,stage in (one,two),!legacy`: parsed and matched here,
 * because it has to be decided for accounts that do not exist, too.
 *
 * `>` and `<` are not supported.
 */

/** One requirement; all of a selector must hold. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** Empty for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

/** Without any requirement it matches everything. */
export type Selector = readonly LabelRequirement[];

export type ParsedSelector =
  | { readonly kind: 'parsed'; readonly selector: Selector }
  | { readonly kind: 'invalid'; readonly problem: string };

const word = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const key = `(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${word}`;
const presence = new RegExp(`^(?<not>!\\s*)?(?<key>${key})$`);
const equality = new RegExp(`^(?<key>${key})\\s*(?<sign>==|=|!=)\\s*(?<value>(?:${word})?)$`);
const membership = new RegExp(`^(?<key>${key})\\s+(?<not>not)?in\\s*\\((?<values>[^()]*)\\)$`);
const value = new RegExp(`^(?:${word})?$`);

/** An empty text is a selector without requirements. */
export function parseSelector(text: string): ParsedSelector {
  if (text.trim() === '') return { kind: 'parsed', selector: [] };
  // A comma between parentheses separates values.
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const requirements = parts.map(parseRequirement);
  const selector = requirements.filter((requirement) => requirement !== undefined);
  if (selector.length === requirements.length) return { kind: 'parsed', selector };
  const wrong = parts[requirements.indexOf(undefined)] ?? '';
  return {
    kind: 'invalid',
    problem: `want a label selector such as team=voice,stage in (one,two),!legacy; "${wrong}" is no part of one`,
  };
}

function parseRequirement(text: string): LabelRequirement | undefined {
  const present = presence.exec(text)?.groups;
  if (present !== undefined) {
    const operator = present['not'] === undefined ? 'Exists' : 'DoesNotExist';
    return { key: present['key'] ?? '', operator, values: [] };
  }
  const equal = equality.exec(text)?.groups;
  if (equal !== undefined) {
    const operator = equal['sign'] === '!=' ? 'NotIn' : 'In';
    return { key: equal['key'] ?? '', operator, values: [equal['value'] ?? ''] };
  }
  const member = membership.exec(text)?.groups;
  if (member === undefined) return undefined;
  const values = (member['values'] ?? '').split(',').map((one) => one.trim());
  if (!values.every((one) => value.test(one))) return undefined;
  return { key: member['key'] ?? '', operator: member['not'] === undefined ? 'In' : 'NotIn', values };
}

/** As Kubernetes means it: NotIn holds for an object without the label. */
export function matchesSelector(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) => {
    // A label may be called like something every object has, such as `constructor`.
    const own = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    switch (requirement.operator) {
      case 'In':
        return own !== undefined && requirement.values.includes(own);
      case 'NotIn':
        return own === undefined || !requirement.values.includes(own);
      case 'Exists':
        return own !== undefined;
      case 'DoesNotExist':
        return own === undefined;
    }
  });
}

/** The same text for every spelling of the same requirements; empty for none. */
export function canonicalSelector(selector: Selector): string {
  return selector
    .map((requirement) => `${requirement.key} ${requirement.operator} ${requirement.values.toSorted().join('|')}`)
    .toSorted()
    .join(',');
}
