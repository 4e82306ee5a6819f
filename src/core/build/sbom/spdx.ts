import { createHash } from "node:crypto";
import { type Distribution, packageUrl, type SoftwarePackage } from "./package.ts";

export interface SpdxFacts {
  readonly name: string;
  /** Makes the document's namespace one of its own. */
  readonly imageDigest: string;
  /** What is meant beside the image itself. */
  readonly part?: string;
  /** RFC 3339, to the second. */
  readonly createdAt: string;
  readonly distribution: Distribution;
}

const unsaid = "NOASSERTION";

/** A bill of materials in the JSON of SPDX 2.3; each package once, in a fixed order. */
export function spdxDocument(packages: readonly SoftwarePackage[], facts: SpdxFacts): object {
  const byUrl = new Map<string, SoftwarePackage>();
  for (const each of packages) {
    const url = packageUrl(each, facts.distribution);
    if (!byUrl.has(url)) byUrl.set(url, each);
  }
  const sorted = [...byUrl].sort(([a], [b]) => (a < b ? -1 : 1));
  const described = sorted.map(([url, each]) => describe(url, each));
  const root = facts.part === undefined ? "SPDXRef-DocumentRoot-Image" : "SPDXRef-DocumentRoot-Directory";
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: facts.name,
    documentNamespace: `urn:isle:sbom:${facts.imageDigest}${facts.part === undefined ? "" : `:${facts.part}`}`,
    creationInfo: { created: facts.createdAt, creators: ["Tool: isle"] },
    packages: [
      {
        name: facts.name,
        SPDXID: root,
        downloadLocation: unsaid,
        filesAnalyzed: false,
        ...(facts.part === undefined
          ? {
              primaryPackagePurpose: "CONTAINER",
              checksums: [{ algorithm: "SHA256", checksumValue: facts.imageDigest.replace(/^sha256:/, "") }],
            }
          : { primaryPackagePurpose: "SOURCE" }),
      },
      ...described,
    ],
    relationships: [
      { spdxElementId: "SPDXRef-DOCUMENT", relatedSpdxElement: root, relationshipType: "DESCRIBES" },
      ...described.map(({ SPDXID }) => ({
        ...{ spdxElementId: root, relatedSpdxElement: SPDXID, relationshipType: "CONTAINS" },
      })),
    ],
  };
}

function describe(url: string, each: SoftwarePackage) {
  return {
    name: each.name,
    SPDXID: idOf(url, each),
    versionInfo: each.version,
    supplier: supplierOf(each),
    downloadLocation: unsaid,
    filesAnalyzed: false,
    sourceInfo: `recorded in /${each.source}`,
    licenseConcluded: unsaid,
    licenseDeclared: isExpression(each.license) ? each.license : unsaid,
    copyrightText: unsaid,
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: url }],
  };
}

/** Letters, digits, dots and hyphens are all that an id may have. */
function idOf(url: string, { type, name }: SoftwarePackage): string {
  const hash = createHash("sha256").update(url).digest("hex").slice(0, 16);
  return `SPDXRef-Package-${type}-${name.replace(/[^A-Za-z0-9.-]+/g, "-").slice(0, 100)}-${hash}`;
}

/** `Somebody <address>` of a person or of a team, which the record does not tell apart. */
const supplierOf = ({ maintainer }: SoftwarePackage): string => {
  const [, name, address] = /^(.*?)\s*<([^<>]+)>$/.exec(maintainer) ?? [];
  if (!name) return unsaid;
  return `Organization: ${name}${address ? ` (${address})` : ""}`;
};

/** A licence that reads as an SPDX expression; other texts would make the document invalid. */
const isExpression = (text: string): boolean =>
  text.length < 500 && /^\(*[A-Za-z0-9.+-]+\)*( (AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*$/.test(text);
