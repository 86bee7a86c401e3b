/** What patients, staff and studies have done, and by that who reads what, worked out from the rules alone. */

export const kinds = ['omh:heart-rate', 'omh:body-weight'] as const
export const patients = ['ann', 'bob'] as const
/** `keeping` keeps what it had when somebody withdraws. */
export const studies = ['hiding', 'keeping'] as const
/** The insider works in the lab, the outsider never; the newcomer comes and goes. */
export const readers = ['insider', 'newcomer', 'outsider'] as const

export type Of = { readonly of: (typeof patients)[number]; readonly to: (typeof studies)[number] }
export type Version = {
  readonly isYes: boolean
  readonly kinds: readonly string[]
  readonly text: number
  readonly at: number
}
export type Given = Of & { readonly id: string; readonly versions: Version[]; isEndedByJoining: boolean }
type Place = Of & { readonly id: string; readonly since: number; isOver: boolean }
/** `recipients`: whom its texts name, one after the other; undefined: nobody, so that all its staff read. */
export type Study = {
  status: string
  readonly staff: Set<string>
  readonly recipients: (readonly string[] | undefined)[]
}

const newStudy = (): Study => ({ status: 'active', staff: new Set(), recipients: [undefined] })
export const newModel = () => ({
  studies: { hiding: newStudy(), keeping: newStudy() },
  inside: new Set<string>(['insider']),
  places: [] as Place[],
  given: [] as Given[],
  measured: [] as { readonly id: string; readonly of: Of['of']; readonly kind: string; readonly at: number }[],
  isJoined: false,
  now: 0,
})
export type Model = ReturnType<typeof newModel>

const isOne = ({ isJoined }: Model, one: Of, other: Pick<Of, 'of'>) => one.of === other.of || isJoined
const placesOf = (model: Model, of: Of) => model.places.filter(one => one.to === of.to && isOne(model, one, of))
const hasPlace = (model: Model, of: Of, before = Number.POSITIVE_INFINITY) =>
  placesOf(model, of).some(({ isOver, since }) => !isOver && since < before)
export const hasLeft = (model: Model, of: Of) => placesOf(model, of).length > 0 && !hasPlace(model, of)
export const isYes = ({ versions }: Given) => versions.at(-1)?.isYes === true
export const standing = (model: Model, of: Of) =>
  model.given.find(one => one.to === of.to && isOne(model, one, of) && isYes(one))

/** What it opens, and before when that must have been stored. What is kept is kept by a place that they had before they withdrew. */
export const openedBy = (
  model: Model,
  one: Given,
): { readonly version: Version; readonly until: number } | undefined => {
  const [before, last] = [one.versions.at(-2), one.versions.at(-1)]
  if (last?.isYes) return hasPlace(model, one) ? { version: last, until: Number.POSITIVE_INFINITY } : undefined
  const isKept = one.to === 'keeping' && !one.isEndedByJoining && last && hasPlace(model, one, last.at)
  return isKept && before ? { version: before, until: last.at } : undefined
}

/** Whoever works in the organization, and staff from elsewhere, unless the signed text names others. */
const reaches = ({ studies, inside }: Model, reader: string, to: Of['to'], text: number): boolean => {
  const { status, staff, recipients } = studies[to]
  const isNamed = staff.has(reader) && (recipients[text]?.includes(reader) ?? true)
  return status !== 'completed' && (inside.has(reader) || isNamed)
}

export const readBy = (model: Model, reader: string): readonly string[] =>
  model.measured
    .filter(measured =>
      model.given.some(one => {
        const open = isOne(model, one, measured) ? openedBy(model, one) : undefined
        if (open === undefined || !reaches(model, reader, one.to, open.version.text)) return false
        return open.version.kinds.includes(measured.kind) && measured.at < open.until
      }),
    )
    .map(({ id }) => id)
    .toSorted()
