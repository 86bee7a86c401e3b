/** By a patient's number, or a reference to one whose number is not known here. Whoever is not in it has none. */
export type KindsOf = ReadonlyMap<number | string, ReadonlySet<number>>

/** `subjects`: further Patients, by id. */
type Lists = {
  readonly patients: ReadonlySet<number>
  readonly subjects: readonly string[]
  readonly kinds: ReadonlySet<number>
}

/**
 * The kinds of what was each patient's, as `each` names them. Undefined where that says no more than the lists: of one patient, of no kind,
 * or where all have all.
 */
export const kindsOfEach = (
  { patients, subjects, kinds }: Lists,
  each: (name: (patient: number | string, kind: number) => void) => void,
): KindsOf | undefined => {
  if (kinds.size === 0 || patients.size + subjects.length < 2) return undefined
  const kindsOf = new Map<number | string, Set<number>>()
  each((patient, kind) => {
    if (kind === 0) return
    const own = kindsOf.get(patient)
    if (own === undefined) kindsOf.set(patient, new Set([kind]))
    else own.add(kind)
  })
  const known = kinds.has(0) ? kinds.size - 1 : kinds.size
  const haveAllAll =
    subjects.length === 0 && kindsOf.size === patients.size && kindsOf.values().every(own => own.size === known)
  return known === 0 || haveAllAll ? undefined : kindsOf
}

export const referenceTo = (subject: string): string => `Patient/${subject}`
