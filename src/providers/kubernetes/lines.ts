/**
 * Lines of a byte stream. A watch sends one JSON document per line, cut into chunks at any byte.
 */
import { StringDecoder } from 'node:string_decoder';

/** Lines without their line feed; what follows the last line feed is no line. Empty lines are left out. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  // It keeps the first bytes of a character until its last one comes.
  const decoder = new StringDecoder('utf8');
  let begun = '';
  for await (const chunk of chunks) {
    // Only line feeds end a line: JSON strings may hold other separators of Unicode.
    const [head = '', ...rest] = decoder.write(chunk).split('\n');
    begun += head;
    for (const piece of rest) {
      if (begun !== '') yield begun;
      begun = piece;
    }
  }
}
