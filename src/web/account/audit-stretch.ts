import { eachOnce, somebodyIn, unique, type Visit } from './audit-visit.ts'

/** What somebody did again and again, without a long pause: a program that reads may go on for hours. */
export type Stretch = Pick<Visit, 'who' | 'app' | 'deeds' | 'consents'> & {
  /** In the order of the visits that were given. */
  readonly visits: readonly [latest: Visit, ...before: Visit[]]
}

/** The stretches of visits, of which the latest come first. Each stretch is in the place of its latest visit, even if others came in between. */
export const stretchesOf = (visits: readonly Visit[]): readonly Stretch[] => {
  const stretches: [Visit, ...Visit[]][] = []
  const lastOf = new Map<string, [Visit, ...Visit[]]>()
  for (const visit of visits) {
    const somebody = somebodyIn(visit)
    const last = lastOf.get(somebody)
    if (last !== undefined && isSoonBefore(visit, last.at(-1))) last.push(visit)
    else {
      const begun: [Visit] = [visit]
      stretches.push(begun)
      lastOf.set(somebody, begun)
    }
  }
  return stretches.map(toStretch)
}

const isSoonBefore = ({ recorded }: Visit, next: Visit | undefined): boolean =>
  next !== undefined && next.recorded.getTime() - recorded.getTime() <= mostPauseMs

/** As long as a meal, or a long calculation. */
const mostPauseMs = 3_600_000

const toStretch = (visits: readonly [Visit, ...Visit[]]): Stretch => {
  const [{ who, app }] = visits
  return {
    who,
    app,
    deeds: eachOnce(visits.flatMap(({ deeds }) => deeds)),
    consents: unique(visits.flatMap(({ consents }) => consents)),
    visits,
  }
}
