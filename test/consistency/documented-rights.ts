/**
 * What the operator may do at the API server, as docs/operating/security.md has it.
 */
import { column, tableUnder, textOf } from './markdown.ts';

/** One verb on one resource, such as "get secrets", "patch phonenumbers.telephony.trunkline.dev/status". */
export type Grant = string;

/** The core group is empty. */
export function grantOf(group: string, resource: string, verb: string): Grant {
  const [plural = '', subresource] = resource.split('/');
  return `${verb} ${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
}

/** By where they hold. */
export interface Grants {
  readonly everywhere: readonly Grant[];
  readonly ownNamespace: readonly Grant[];
}

export async function documentedGrants(): Promise<Grants> {
  const table = tableUnder(await textOf('docs/operating/security.md'), 'What the operator may do');
  const [groups, resources, verbs, places] = ['Group', 'Resource', 'Verbs', 'Where'].map((name) => column(table, name));
  const grantsIn = (place: string): readonly Grant[] =>
    table
      .flatMap((_, row) => {
        if (places?.[row] !== place) return [];
        const group = groups?.[row] === 'core' ? '' : (groups?.[row] ?? '');
        return (verbs?.[row] ?? '').split(' ').map((verb) => grantOf(group, resources?.[row] ?? '', verb));
      })
      .toSorted();
  return { everywhere: grantsIn('everywhere'), ownNamespace: grantsIn("operator's namespace") };
}
