import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, sep } from 'node:path'
import type { Shape } from './row.ts'

/** A file of the official schemas; its name says which schema it is, since some `$id`s upstream are wrong. */
export type OfficialSchema = {
  readonly name: string
  readonly version: string
  readonly uri: string
  readonly schema: Shape
}

/** The schemas of a folder with the layout of upstream: `omh/NAME-VERSION.json`, `granola/…`, `ieee/…/…`. */
export const readOfficialSchemas = (folder: string): readonly OfficialSchema[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(path => {
    const namespace = path.split(sep)[0] ?? ''
    const [, name, version] = fileName.exec(basename(path)) ?? []
    const base = baseUris[namespace]
    if (base === undefined || name === undefined || version === undefined) return []
    const { $schema: _, $id: __, ...schema } = JSON.parse(readFileSync(join(folder, path), 'utf8')) as Shape
    const uri = `${base}${name}-${version}.json`
    return [{ name: `${namespace}:${name}`, version, uri, schema: { $id: uri, ...schema } }]
  })

const fileName = /^(.+)-(\d+\.\d+)\.json$/

const baseUris: Readonly<Record<string, string>> = {
  omh: 'https://w3id.org/openmhealth/schemas/omh/',
  granola: 'https://w3id.org/openmhealth/schemas/granola/',
  ieee: 'https://w3id.org/ieee/ieee-1752-schema/',
}

/**
 * Other URIs by which the files name each other: `NAME-1.x.json` means the newest minor version of a major one, and an IEEE schema may be named
 * without its version.
 */
export const aliasesOf = (schemas: readonly OfficialSchema[]): readonly Shape[] =>
  [...new Map(schemas.toSorted(byVersion).flatMap(aliases))].map(([$id, $ref]) => ({ $id, $ref }))

const aliases = ({ uri, name, version }: OfficialSchema): readonly (readonly [string, string])[] => {
  const stem = uri.slice(0, -`-${version}.json`.length)
  const major = `${stem}-${version.split('.')[0]}.x.json`
  return name.startsWith('ieee:')
    ? [
        [major, uri],
        [`${stem}.json`, uri],
      ]
    : [[major, uri]]
}

const byVersion = (one: OfficialSchema, other: OfficialSchema): number => compareVersions(one.version, other.version)

export const compareVersions = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true })
