import { hash } from 'node:crypto'
import { canonicalize } from 'json-canonicalize'
import type { OmhDocument } from './document.ts'
import { asText } from './json-tree.ts'
import { mapVersion } from './observation.ts'

/**
 * `key` is the header's uuid or id, else the digest of the canonical document; `digest` tells same from changed;
 * `mapVersion` says by which map the native face was derived.
 */
export type UploadKey = {
  readonly schema: string
  readonly key: string
  readonly digest: string
  readonly mapVersion: number
}

/** The same measurement keeps its key whatever the version of its schema; canonical JSON is that of RFC 8785. */
export const uploadKeyOf = ({ plain }: OmhDocument, classKey: string): UploadKey => {
  const canonical = canonicalize(plain.whole)
  const id = asText(plain.header?.uuid ?? plain.header?.id)
  return {
    schema: classKey,
    key: id === undefined || id === '' ? hash('sha256', `${classKey}\n${canonical}`) : id.toLowerCase(),
    digest: hash('sha256', canonical),
    mapVersion,
  }
}
