import type { Consent, ConsentProvision, Observation } from '@medplum/fhirtypes'
import { systems } from '../../../src/fhir/canonical.ts'
import type { Browser, Shown } from '../../support/browser.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { openInvited } from '../invited.ts'

/** Readings of somebody, and what a page and the gate make of them. */
export const openSharing = async () => {
  const world = await openInvited()
  const { arrived, band, create, lab, patientToken, send, study, text, update } = world
  const asked = studyAnew((await send('everything', 'GET', `ResearchStudy/${study.id}`)).json())
  const version = text('1')
  const keeping = await create(lab.manager, {
    ...asked,
    title: 'Keepers',
    extension: [
      ...asked.extension.filter(({ url }: { url: string }) => url !== version.url),
      { ...version, extension: [...(version.extension ?? []), { url: 'withdrawal', valueCode: 'keep' }] },
    ],
  })

  const consentsOf = async (patient: string): Promise<readonly Consent[]> =>
    ((await send('everything', 'GET', `Consent?patient=Patient/${patient}`)).json().entry ?? []).map(
      ({ resource }: { resource: Consent }) => resource,
    )
  const sign = async (own: Browser, fields: Readonly<Record<string, string>>, into = study.id) => {
    const page = `/sharing/${into}`
    const preview = await own.send(page, fields, page)
    const form = /<form method="post" action="[^"]*\/sign"[^>]*>([\s\S]*?)<\/form>/.exec(preview.body)?.[1] ?? ''
    const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    const hidden = Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
    return { preview, answer: await own.post(`${page}/sign`, { ...hidden, name: 'Pia T' }) }
  }
  /** Somebody in both studies, with a token of an app that records consents. */
  const somebody = async (name: string) => {
    const one = await arrived(name)
    await world.enrol(one.patient.id, keeping.id)
    const self = await patientToken(one.patient.id, 'patient/*.cruds patient/Consent.cruds')
    const measured = async (code: string, day: string, device?: string): Promise<Observation> =>
      create('everything', {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: systems.loinc, code }] },
        subject: { reference: `Patient/${one.patient.id}` },
        effectiveDateTime: `${day}T12:00:00Z`,
        ...(device === undefined ? {} : { device: { reference: `Device/${device}` } }),
        valueQuantity: { value: 60, unit: '1', system: systems.ucum, code: '1' },
      })
    /** A heart rate from the band, and steps from it and from no device, on each day. */
    const measure = async (days: readonly string[]) => {
      const all: Observation[] = []
      for (const day of days)
        all.push(
          await measured('8867-4', day, band),
          await measured('55423-8', day, band),
          await measured('55423-8', day),
        )
      return all
    }
    const change = async (provision: ConsentProvision) => {
      const [consent] = await consentsOf(one.patient.id)
      await update(self, { ...consent, provision, dateTime: new Date().toISOString() } as Consent)
    }
    return { ...one, self, measure, change }
  }
  /** What the study's people read of it. */
  const readOf = async (patient: string): Promise<readonly string[]> =>
    ((await send(lab.manager, 'GET', `Observation?patient=Patient/${patient}&_count=1000`)).json().entry ?? [])
      .map(({ resource }: { resource: Observation }) => resource.id)
      .toSorted()
  return { ...world, keeping, consentsOf, sign, somebody, readOf }
}

type Told = {
  readonly isHeart: boolean
  readonly isOfBand: boolean
  readonly from: number
  readonly until: number
  readonly sentBefore: number
}

/** The readings that a page says somebody reads. */
export const toldOf = (page: Shown, readings: readonly Observation[]): readonly string[] => {
  const told = toldIn(page.body)
  return readings
    .filter(({ code, device, effectiveDateTime = '', meta }) => {
      const at = Date.parse(effectiveDateTime)
      const isHeart = code.coding?.[0]?.code === '8867-4'
      return told.some(
        one =>
          one.isHeart === isHeart &&
          (!one.isOfBand || device !== undefined) &&
          at >= one.from &&
          at < one.until &&
          Date.parse(meta?.lastUpdated ?? '') < one.sentBefore,
      )
    })
    .map(({ id = '' }) => id)
    .toSorted()
}

const toldIn = (body: string): readonly Told[] => {
  const text = body.replace(/<time datetime="([^"]*)"[^>]*>[^<]*<\/time>/g, '$1')
  const parts = text.split(/keeps what was measured and sent before ([^,]*), as/)
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return []
    const sentBefore = index === 0 ? Number.POSITIVE_INFINITY : Date.parse(parts[index - 1] ?? '')
    return linesIn(part).map(one => ({ ...one, until: Math.min(one.until, sentBefore), sentBefore }))
  })
}

const linesIn = (text: string): readonly Omit<Told, 'sentBefore'>[] =>
  [
    ...text.matchAll(/(Heart rate, from Tidewell band|Step count, from (?:any device|Tidewell band)): ([^<]*)</g),
  ].flatMap(([, what = '', times = '']) =>
    times.split('; ').map(time => {
      const [, from = '', until] = /^measured from (.*?)(?:, until (.*?))?(?:, read until .*)?$/.exec(time) ?? []
      return {
        isHeart: what.startsWith('Heart'),
        isOfBand: what.endsWith('band'),
        from: momentOf(from),
        until:
          until === undefined ? Number.POSITIVE_INFINITY : momentOf(until) + (until.includes('T') ? 0 : 86_400_000),
      }
    }),
  )

const momentOf = (text: string): number => Date.parse(text.includes('T') ? text : `${text} UTC`)
