/**
 * Metrics of the process, read when somebody asks. The usual ones of prom-client keep a timer of ten milliseconds, which
 * costs half a percent of a processor at rest.
 */
import { readdirSync } from 'node:fs';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

export class ProcessMetrics {
  readonly #cpu: Counter;
  readonly #memory: Gauge;
  readonly #heap: Gauge;
  readonly #descriptors: Gauge;
  readonly #busy: Gauge;
  #cpuSeconds = 0;
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(registry: Registry) {
    const registers = [registry];
    const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
    this.#cpu = new Counter({ name: 'process_cpu_seconds_total', help: 'Processor time, user and system', registers });
    this.#memory = gauge('process_resident_memory_bytes', 'Resident memory');
    this.#heap = gauge('nodejs_heap_size_used_bytes', 'Used memory of the JavaScript heap');
    this.#descriptors = gauge('process_open_fds', 'Open file descriptors, sockets among them; Linux only');
    this.#busy = gauge(
      'nodejs_eventloop_utilization',
      'Busy part of the event loop since the last scrape, from 0 to 1',
    );
    gauge('process_start_time_seconds', 'Start of the process, in seconds since the Unix epoch').set(
      performance.timeOrigin / 1_000,
    );
  }

  refresh(): void {
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    this.#cpu.inc(cpuSeconds - this.#cpuSeconds);
    this.#cpuSeconds = cpuSeconds;
    const { rss, heapUsed } = process.memoryUsage();
    this.#memory.set(rss);
    this.#heap.set(heapUsed);
    this.#descriptors.set(openDescriptors());
    const utilization = performance.eventLoopUtilization();
    this.#busy.set(performance.eventLoopUtilization(utilization, this.#utilization).utilization);
    this.#utilization = utilization;
  }
}

/** 0 where there is no such folder. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
