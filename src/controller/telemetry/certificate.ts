/**
 * The certificate of /metrics: from files that may be replaced at any time, or made at the start.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { promises } from 'node:fs';
import type { Log } from '../logging.ts';
import type { Cancel, Timers } from '../timers.ts';

/** Both in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Counts. */
export interface CertificateObserver {
  certificateRead(): void;
  /** A read, counted as such too, gave nothing that can be used. */
  certificateRefused(): void;
}

/** As often as controller-runtime looks. A mounted Secret is replaced by renaming folders, of which no event tells surely. */
const lookEveryMs = 10_000;

/** @throws Error when the files cannot be read or do not belong together */
export async function readCertificate({ certificateFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const [cert, key] = await Promise.all(
    [certificateFile, keyFile].map(async (file) => await promises.readFile(file, 'utf8')),
  );
  if (cert === undefined || key === undefined || !isPair({ cert, key })) {
    throw new Error(`Cannot use certificate "${certificateFile}": key "${keyFile}" is not its key`);
  }
  return { cert, key };
}

function isPair({ cert, key }: Certificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    // Its message may quote the key.
    return false;
  }
}

export interface CertificateWatchOptions {
  /** Throws when there is none that can be used. */
  readonly read: () => Promise<Certificate>;
  /** In use already. */
  readonly current: Certificate;
  readonly timers: Timers;
  readonly log: Log;
  readonly observer: CertificateObserver;
  /** There is another certificate now. */
  readonly onChange: (certificate: Certificate) => void;
}

/** Looks from time to time; what cannot be used is logged, and the certificate before stays. */
export class CertificateWatch implements Disposable {
  readonly #options: CertificateWatchOptions;
  #current: string;
  #cancel: Cancel;
  #isOver = false;

  constructor(options: CertificateWatchOptions) {
    this.#options = options;
    this.#current = options.current.cert;
    this.#cancel = this.#later();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel();
  }

  #later(): Cancel {
    return this.#options.timers.schedule(lookEveryMs, () => void this.#look());
  }

  /** Never throws. */
  async #look(): Promise<void> {
    const { log, observer, onChange, read } = this.#options;
    observer.certificateRead();
    try {
      const certificate = await read();
      if (certificate.cert !== this.#current && !this.#isOver) {
        this.#current = certificate.cert;
        onChange(certificate);
        log.info({}, 'certificate replaced');
      }
    } catch (err) {
      observer.certificateRefused();
      log.warn({ err }, 'certificate not read: the one before stays');
    }
    if (!this.#isOver) this.#cancel = this.#later();
  }
}
