/**
 * Paging: the two list envelopes of Twilio, with PageSize, Page and PageToken.
 *
 * Guarantees
 * - Trunking puts absolute https URLs of the real host under `meta`; v2010 puts relative paths beside the items.
 * - A page token names a place in the creation order, so pages stay complete when objects come or go between them.
 */

import type { ApiRequest, Reply } from './request.ts';
import type { Stored } from './resources.ts';
import { isHidden } from './request.ts';
import { TwilioRefusal } from './refusal.ts';

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 1000;
const PAGING_PARAMETERS: ReadonlySet<string> = new Set(['PageSize', 'Page', 'PageToken']);

interface Cut<Item> {
  readonly page: number;
  readonly pageSize: number;
  readonly start: number;
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly previous: string | null;
  readonly first: string;
  readonly self: string;
}

/** Answers a list request of either family. `key` is the name the items stand under. */
export function listReply<Item extends Stored>(
  request: ApiRequest,
  key: string,
  items: Iterable<Item>,
  toJson: (item: Item) => object,
): Reply {
  const cut = cutPage(request, items);
  const body = { [key]: cut.items.map((item) => toJson(item)) };
  if (request.path.startsWith('/2010-04-01/')) {
    return {
      status: 200,
      body: {
        ...body,
        first_page_uri: cut.first,
        next_page_uri: cut.next,
        previous_page_uri: cut.previous,
        uri: cut.self,
        page: cut.page,
        page_size: cut.pageSize,
        start: cut.start,
        end: cut.items.length === 0 ? cut.start : cut.start + cut.items.length - 1,
      },
    };
  }
  return {
    status: 200,
    body: {
      ...body,
      meta: {
        page: cut.page,
        page_size: cut.pageSize,
        first_page_url: absoluteUrl(cut.first),
        previous_page_url: cut.previous === null ? null : absoluteUrl(cut.previous),
        url: absoluteUrl(cut.self),
        next_page_url: cut.next === null ? null : absoluteUrl(cut.next),
        key,
      },
    },
  };
}

function absoluteUrl(path: string): string {
  return `https://trunking.twilio.com${path}`;
}

function cutPage<Item extends Stored>(request: ApiRequest, items: Iterable<Item>): Cut<Item> {
  const pageSize = Number(request.query.get('PageSize') ?? DEFAULT_PAGE_SIZE);
  if (pageSize > MAX_PAGE_SIZE) {
    throw new TwilioRefusal(20007, `Page size must be between 1 and ${MAX_PAGE_SIZE}`);
  }
  const page = Number(request.query.get('Page') ?? 0);
  const direction = request.switches.listOrder === 'newestFirst' ? -1 : 1;
  const visible = [...items]
    .filter((item) => !isHidden(request, item.createdAt, request.lag.lists))
    .toSorted((a, b) => (a.sequence - b.sequence) * direction);
  const rank = (sequence: number) => sequence * direction;

  const token = /^P([AB])(\d+)$/.exec(request.query.get('PageToken') ?? '');
  const place = rank(Number(token?.[2] ?? 0));
  let from = page * pageSize;
  if (token?.[1] === 'A') from = visible.filter((item) => rank(item.sequence) <= place).length;
  if (token?.[1] === 'B') {
    from = Math.max(0, visible.filter((item) => rank(item.sequence) < place).length - pageSize);
  }
  const shown = visible.slice(from, from + pageSize);
  const first = shown[0];
  const last = shown.at(-1);
  const hasNext = from + pageSize < visible.length;
  const link = (number: number, pageToken?: string) => pageLink(request, pageSize, number, pageToken);
  return {
    page,
    pageSize,
    start: from,
    items: shown,
    next: hasNext && last !== undefined ? link(page + 1, `PA${last.sequence}`) : null,
    previous: page > 0 && first !== undefined ? link(page - 1, `PB${first.sequence}`) : null,
    first: link(0),
    self: link(page, request.query.get('PageToken') ?? undefined),
  };
}

function pageLink(request: ApiRequest, pageSize: number, page: number, pageToken: string | undefined): string {
  const query = new URLSearchParams();
  for (const [name, value] of request.query) if (!PAGING_PARAMETERS.has(name)) query.append(name, value);
  query.append('PageSize', String(pageSize));
  query.append('Page', String(page));
  if (pageToken !== undefined) query.append('PageToken', pageToken);
  return `${request.path}?${query.toString()}`;
}
