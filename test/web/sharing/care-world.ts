import type { Consent, Observation, Resource } from '@medplum/fhirtypes'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { systems } from '../../../src/fhir/canonical.ts'
import type { Browser } from '../../support/browser.ts'
import { openInvited } from '../invited.ts'

/** Patients with readings, and people who treat them. */
export const openCare = async (...options: Parameters<typeof openInvited>) => {
  const world = await openInvited(...options)
  const { arrived, band, clinic, create, database, pages, send, token } = world

  /** A practitioner who works in the organization, with a token that reads. */
  const clinician = async (name: string, organization = clinic.organization) => {
    const { id } = await create('everything', {
      resourceType: 'Practitioner',
      name: [{ text: name }],
      telecom: [{ system: 'phone', value: '+1 555 0100' }],
    })
    const practitioner = { reference: `Practitioner/${id}` }
    await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
    })
    const { id: person } = await create('everything', {
      resourceType: 'Person',
      name: [{ text: name }],
      link: [{ target: practitioner }],
    })
    const bearer = await token({ subject: { kind: 'user', person }, scope: 'user/*.rs' })
    /** Ids of what they read of anybody. */
    const reads = async (type: Resource['resourceType'] = 'Observation') =>
      (await pages(bearer, `${type}?_count=1000`)).map(({ resource }) => resource.id ?? '').toSorted()
    return { id, person, bearer, reads, page: `/sharing/with/practitioner/${id}` }
  }

  const measured = async (patient: string, code: string, day: string, device?: string): Promise<string> => {
    const { id } = await create<Observation>('everything', {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: systems.loinc, code }] },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: `${day}T12:00:00Z`,
      ...(device === undefined ? {} : { device: { reference: `Device/${device}` } }),
      valueQuantity: { value: 60, unit: '1', system: systems.ucum, code: '1' },
    })
    return id
  }
  /** Somebody with two heart rates from the band and one from nothing, steps, and a weight. */
  const somebody = async (name: string) => {
    const one = await arrived(name)
    const patient = one.patient.id
    return {
      ...one,
      hearts: [
        await measured(patient, '8867-4', '2026-01-10', band),
        await measured(patient, '8867-4', '2026-02-10', band),
      ],
      loose: await measured(patient, '8867-4', '2026-02-11'),
      steps: await measured(patient, '55423-8', '2026-02-12', band),
      weight: await measured(patient, '29463-7', '2026-02-13'),
    }
  }

  const preview = async (own: Browser, page: string, fields: Readonly<Record<string, string>>) => {
    const shown = await own.send(page, fields, page.split('?', 1)[0])
    return { shown, hidden: hiddenOf(shown.body, '[^"]*/sign') }
  }
  const sign = async (own: Browser, page: string, fields: Readonly<Record<string, string>>, name = 'Ana C.') => {
    const { shown, hidden } = await preview(own, page, fields)
    return { shown, answer: await own.post(`${page.split('?', 1)[0]}/sign`, { ...hidden, name }) }
  }
  const consentsOf = async (patient: string): Promise<readonly Consent[]> =>
    ((await send('everything', 'GET', `Consent?patient=Patient/${patient}`)).json().entry ?? []).map(
      ({ resource }: { resource: Consent }) => resource,
    )
  return { ...world, database, clinician, measured, somebody, preview, sign, consentsOf }
}

/** The hidden fields of the form that posts there. */
export const hiddenOf = (body: string, action: string): Readonly<Record<string, string>> => {
  const form = new RegExp(`<form method="post" action="${action}"[^>]*>([\\s\\S]*?)</form>`).exec(body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  return Object.fromEntries(inputs.map(([, key = '', value = '']) => [key, value]))
}

export const hearts = 'omh:heart-rate@any'
export const steps = 'omh:step-count@any'
export const weight = 'omh:body-weight@any'
