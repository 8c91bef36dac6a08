/**
 * Documents of the project as tests read them: headings, tables and blocks of code.
 */
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

export async function textOf(path: string): Promise<string> {
  return await readFile(join(root, path), 'utf8');
}

export async function filesOf(...patterns: readonly string[]): Promise<string[]> {
  return (await Array.fromAsync(glob(patterns, { cwd: root }))).toSorted();
}

export function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[^]*?^```$/gm, '');
}

export function codeBlocks(markdown: string, language: string): readonly string[] {
  return [...markdown.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].flatMap(([, tag, code = '']) =>
    tag === language ? [code] : [],
  );
}

/** From a heading to the next one of any level. @throws Error if there is no such heading */
export function sectionUnder(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'));
  if (start === -1) throw new Error(`Cannot find the heading "${heading}": it is not there`);
  const length = lines.slice(start + 1).findIndex((line) => /^#+ /.test(line));
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

type Table = readonly (readonly string[])[];
const headers = new WeakMap<Table, readonly string[]>();

/** The rows of the only table under a heading. */
export function tableUnder(markdown: string, heading: string): Table {
  const lines = sectionUnder(markdown, heading)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  const [header = [], rule = [], ...rows] = lines;
  if (rule.length === 0 || !rule.every((cell) => /^-+$/.test(cell)))
    throw new Error(`Cannot read the table under "${heading}": it has no rule`);
  headers.set(rows, header);
  return rows;
}

export function column(table: Table, name: string): readonly string[] {
  const index = headers.get(table)?.indexOf(name) ?? -1;
  if (index === -1) throw new Error(`Cannot find the column "${name}": it is not there`);
  return table.map((row) => plain(row[index] ?? ''));
}

export function plain(cell: string): string {
  return cell.replaceAll('`', '');
}
