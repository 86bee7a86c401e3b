/** By a patient's number, or a reference to one whose number is not known here. A patient who is missing has no kinds. */
export type KindsOf = ReadonlyMap<number | string, ReadonlySet<number>>

/** `subjects`: ids of further Patients. */
type Lists = {
  readonly patients: ReadonlySet<number>
  readonly subjects: readonly string[]
  readonly kinds: ReadonlySet<number>
}

/**
 * Which kinds each patient's data had, as `each` names them. Undefined if that says no more than the lists: with one patient, with no kind, or if
 * everybody had all of them.
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
