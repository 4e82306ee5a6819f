import { invalid } from "./error.ts";

/** A block of addresses, `base` masked. */
export interface Subnet {
  readonly base: number;
  readonly prefixLength: number;
}

export function parseIpv4(text: string): number {
  const parts = text.split(".").map(Number);
  const fits = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && parts.every((part) => part <= 255);
  if (!fits) throw invalid(`invalid IPv4 address: ${text}`);
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

export function parseSubnet(text: string): Subnet {
  const [address = "", length = ""] = text.split("/");
  const prefixLength = Number(length);
  if (!/^\d{1,2}$/.test(length) || prefixLength > 32) throw invalid(`invalid subnet: ${text}`);
  const base = parseIpv4(address);
  return { base: base - (base % 2 ** (32 - prefixLength)), prefixLength };
}

export const sizeOf = ({ prefixLength }: Subnet): number => 2 ** (32 - prefixLength);
export const formatSubnet = (subnet: Subnet): string => `${formatIpv4(subnet.base)}/${subnet.prefixLength}`;

export const contains = (subnet: Subnet, address: number): boolean =>
  address >= subnet.base && address < subnet.base + sizeOf(subnet);

export const overlaps = (a: Subnet, b: Subnet): boolean => contains(a, b.base) || contains(b, a.base);
