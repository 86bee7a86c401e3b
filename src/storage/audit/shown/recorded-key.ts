import { sql, word } from '../../sql.ts'

/** The key of the record from which the AuditEvent with the id is made; undefined if it is none of these, but a resource. */
export const recordedKey = (id: string): bigint | undefined => {
  const [, from, number] = /^(access|installation)-([1-9]\d{0,14})$/.exec(id) ?? []
  if (number === undefined) return undefined
  return from === 'access' ? -BigInt(number) : first - BigInt(number)
}

const first = -4_503_599_627_370_496n

/** All keys of what administrators of the installation are shown are below this, and no others. */
export const firstOfInstallation = sql.fragment`${word(`${first}`)}::bigint`
