/**
 * What a process costs, as the kernel counts it: CPU, memory, open sockets. Linux only.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';

/** Ticks of /proc/PID/stat a second: the kernel's fixed unit for user programs. */
const ticksPerSecond = 100;

/** User and system time of a /proc/PID/stat line, in milliseconds. */
export function cpuMillisecondsIn(stat: string): number {
  // The command's name may hold spaces and parentheses; what follows the last one is fields from the third on.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isFinite(user + system)) throw new Error(`Cannot read CPU time from "${stat}": it is no /proc/PID/stat`);
  return ((user + system) / ticksPerSecond) * 1_000;
}

/** A memory figure of a /proc/PID/status text, in MiB. `VmRSS` is resident now, `VmHWM` the most so far. */
export function memoryMiBIn(status: string, name: 'VmRSS' | 'VmHWM'): number {
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`Cannot read ${name}: the process has none`);
  return Number(kibibytes) / 1_024;
}

/** CPU time of all threads so far, in milliseconds; the kernel counts it in steps of 10 ms. */
export async function cpuMilliseconds(pid: number): Promise<number> {
  return cpuMillisecondsIn(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

/** Resident memory now and at most so far, in MiB. */
export async function memory(pid: number): Promise<{ readonly resident: number; readonly peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return { resident: memoryMiBIn(status, 'VmRSS'), peak: memoryMiBIn(status, 'VmHWM') };
}

/** Sockets that are open now. */
export async function openSockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  // Between the two reads a descriptor may be closed.
  const targets = await Promise.all(
    (await readdir(folder)).map(async (name) => await readlink(`${folder}/${name}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith('socket:')).length;
}
