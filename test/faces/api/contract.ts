import type { Device, Organization, Patient } from '@medplum/fhirtypes'
import type { ContractRoute, ContractWorld } from '../contract-world.ts'
import { missingFrom, recordedResponses, recordedText } from '../recorded.ts'

const base = '/api/v1'

/** What the JupyterHealth Exchange lists below /api/v1. */
export const apiContract = (world: ContractWorld): readonly ContractRoute[] => {
  const { administrator, app, ask, manager, organization, patient, researcher, send, server, study, update } = world
  /** What the recordings say about people and institutions, repeated here. */
  const setUp = once(async () => {
    const department: Organization = (await send(administrator, 'GET', `Organization/${organization}`)).json()
    await update(administrator, { ...department, type: [{ coding: [{ code: 'edu' }] }] })
    const known: Patient = (await send(manager, 'GET', `Patient/${patient}`)).json()
    await update(manager, {
      ...known,
      name: [{ family: 'Patient', given: ['Demo'] }],
      birthDate: '1955-01-01',
      identifier: [{ system: 'medplum', value: 'demouser-min' }],
      telecom: [{ system: 'email', value: 'demouser@jupyterhealth.example.org' }],
    })
  })
  /** Our answer to what a notebook asked when it was recorded, with our ids in place of those. */
  const replay = async (url: string, ids: Readonly<Record<string, string>> = {}) => {
    await setUp()
    const recorded = recordedResponses().find(one => one.url === url)
    const path = Object.entries(ids).reduce((text, [old, id]) => text.replace(old, id), url)
    const answer = await ask(researcher, path)
    return {
      status: answer.statusCode,
      recorded,
      ours: answer.json(),
      missing: missingIn(answer.json(), recorded?.json),
    }
  }
  const shows =
    (
      ...asked: readonly (readonly [url: string, ids?: Readonly<Record<string, string>>])[]
    ): NonNullable<ContractRoute['shows']> =>
    async t => {
      for (const [url, ids] of asked) {
        const { status, recorded, ours, missing } = await replay(url, ids)
        t.ok(recorded, `${url} was recorded`)
        t.same([status, missing], [recorded?.status ?? 200, []], url)
        if (recorded?.json?.detail !== undefined)
          t.equal(ours.detail, recorded.json.detail, 'clients look for its words')
        if (recorded?.json?.count === 0) t.same(ours.results, [])
      }
    }
  const served: readonly ContractRoute[] = [
    { route: 'GET users/profile', shows: shows([`${base}/users/profile`]) },
    {
      route: 'GET patients',
      shows: async t => {
        await shows([`${base}/patients`])(t)
        for (const query of [
          `organization_id=${organization}`,
          `organizationId=${organization}`,
          `study_id=${study.group}`,
          `patient_id=${patient}`,
          'patient_identifier_value=demouser-min',
        ])
          t.match(
            (await ask(researcher, `${base}/patients?${query}`)).json(),
            { count: 1, results: [{ id: patient }] },
            query,
          )
      },
    },
    {
      route: 'GET patients/[id]',
      shows: shows([`${base}/patients/40001`, { 40001: patient }], [`${base}/patients/404`]),
    },
    {
      route: 'GET patients/me',
      shows: async t => {
        await setUp()
        t.match((await ask(app, `${base}/patients/me`)).json(), {
          id: patient,
          nameFamily: 'Patient',
          birthDate: /^1955-01-01$/,
        })
      },
    },
    {
      route: 'GET patients/global_lookup',
      shows: shows(
        [`${base}/patients/global_lookup?email=demouser%40jupyterhealth.example.org`],
        [`${base}/patients/global_lookup?email=nosuchuser%40jupyterhealth.example.org`],
      ),
    },
    {
      route: 'GET patients/[id]/consents',
      shows: async t => {
        const code = { id: String, codingSystem: 'https://w3id.org/openmhealth', codingCode: String, text: String }
        t.match((await ask(researcher, `${base}/patients/${patient}/consents`)).json(), {
          patient: { id: patient },
          consolidatedConsentedScopes: [code, code, code],
          studiesPendingConsent: [],
          studies: [
            {
              id: study.group,
              name: 'ACME Health CGM Study',
              organization: { id: organization, name: 'Department' },
              dataSources: [],
              scopeConsents: [{ code, consented: true, consentedTime: String }],
            },
          ],
        })
      },
    },
    ...(['POST', 'PATCH', 'DELETE'] as const).map(
      (method): ContractRoute => ({
        route: `${method} patients/[id]/consents`,
        shows: async t => {
          const path = `${base}/patients/${patient}/consents`
          const scope = { codingSystem: 'https://w3id.org/openmhealth', codingCode: 'omh:blood-pressure:4.0' }
          const body = (consented: boolean) => ({
            studyScopeConsents: [{ studyId: study.group, scopeConsents: [{ ...scope, consented }] }],
          })
          const bearer = await world.patientToken(
            patient,
            'patient/*.rs patient/Consent.cruds patient/ResearchStudy.rs',
          )
          const answer = await ask(bearer, path, body(false), method)
          t.equal(answer.statusCode, { POST: 201, PATCH: 200, DELETE: 204 }[method])
          if (method !== 'DELETE')
            t.match(answer.json(), {
              studyScopeConsents: [{ scopeCode: scope, consented: false, consentedTime: String }],
            })
          const given = async () => (await ask(bearer, path)).json().consolidatedConsentedScopes.length
          t.equal(await given(), 2)
          t.equal((await ask(bearer, path, body(true), 'PATCH')).statusCode, 200)
          t.equal(await given(), 3)
        },
      }),
    ),
    {
      route: 'GET studies',
      shows: shows(
        [`${base}/studies`],
        [`${base}/studies?organization_id=20013`, { 20013: organization }],
        [`${base}/studies?organization_id=404`],
      ),
    },
    {
      route: 'GET studies/[id]',
      shows: shows([`${base}/studies/30001`, { 30001: study.group }], [`${base}/studies/404`]),
    },
    { route: 'GET organizations', shows: shows([`${base}/organizations`]) },
    {
      route: 'GET organizations/[id]',
      shows: async t => {
        await shows([`${base}/organizations/20013`, { 20013: organization }], [`${base}/organizations/404`])(t)
        const partOf = { reference: `Organization/${organization}` }
        const { id } = await world.create<Organization>(manager, { resourceType: 'Organization', name: 'Lab', partOf })
        const lab = { id, name: 'Lab', type: null, partOf: organization, children: [], currentUserRole: null }
        t.same((await ask(researcher, `${base}/organizations/${id}`)).json(), lab)
        t.same((await ask(researcher, `${base}/organizations?part_of=${organization}`)).json().results, [lab])
      },
    },
    {
      route: 'GET data_sources',
      shows: async t => {
        await shows([`${base}/data_sources`])(t)
        const valueCoding = { system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }
        const extension = [{ url: 'https://sharewell.dev/fhir/StructureDefinition/delivered-data', valueCoding }]
        const { id } = await world.create<Device>(administrator, { resourceType: 'Device', extension })
        const sources: readonly { readonly id: string; readonly supportedScopes: readonly object[] }[] = (
          await ask(researcher, `${base}/data_sources`)
        ).json().results
        t.same(sources.find(one => one.id === id)?.supportedScopes, [
          {
            id: 'omh:heart-rate',
            codingSystem: 'https://w3id.org/openmhealth',
            codingCode: 'omh:heart-rate:2.0',
            text: 'Heart rate',
          },
        ])
      },
    },
    {
      route: 'GET observations',
      shows: async t => {
        const point = recordedText('jhe/data-points/omh_heart-rate_2-0.json')
        const observation = {
          resourceType: 'Observation',
          status: 'final',
          subject: { reference: `Patient/${patient}` },
          code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] },
          valueAttachment: { contentType: 'application/json', data: Buffer.from(point).toString('base64') },
        }
        const { id } = (await ask(app, '/FHIR/R5/Observation', observation)).json()
        for (const query of [`patient_id=${patient}`, `study_id=${study.group}`, `organization_id=${organization}`]) {
          const { results } = (await ask(researcher, `${base}/observations?${query}&observation_id=${id}`)).json()
          t.match(results, [
            {
              id,
              subjectPatientId: patient,
              patientNameFamily: 'Patient',
              jheUserId: patient,
              codeableConceptId: 'omh:heart-rate',
              codingSystem: 'https://w3id.org/openmhealth',
              codingCode: 'omh:heart-rate:2.0',
              codingText: String,
              lastUpdated: String,
            },
          ])
          t.same(results[0].omhData, JSON.parse(point), 'the document is as it came')
        }
      },
    },
    {
      route: 'GET clients',
      shows: async t => t.match((await ask(researcher, `${base}/clients`)).json(), { count: 0, results: [] }),
    },
    {
      route: 'POST invitation/[token]',
      shows: async t => {
        const unknown = await server.inject({
          method: 'POST',
          url: `${base}/invitation/Y2iQNNlQuhUZkDiO1YMfN0C7jpdJ663K`,
        })
        t.match([unknown.statusCode, unknown.json()], [404, { detail: String }])
      },
    },
  ]
  return [
    ...served,
    ...Object.entries(elsewhere).flatMap(([deviation, routes]) => routes.map(route => ({ route, deviation }))),
  ]
}

/** What is not served, with where it is done instead. */
const elsewhere: Readonly<Record<string, readonly string[]>> = {
  'people are made and changed at /fhir, and nobody lists all users': [
    'GET users',
    'POST, PUT, PATCH, DELETE users',
    'GET users/[id]',
    'GET users/search_by_email',
    'GET, POST, PUT, PATCH, DELETE practitioners',
  ],
  'organizations lists what the caller may see': ['GET users/organizations'],
  'organizations are made and changed at /fhir and on pages': [
    'POST, PUT, PATCH, DELETE organizations',
    'GET organizations/types',
    'GET organizations/[id]/tree',
    'GET organizations/[id]/users',
    'GET organizations/[id]/studies',
    'POST organizations/[id]/user',
    'DELETE organizations/[id]/remove_user',
  ],
  'patients are registered and changed at /fhir and on pages': [
    'POST patients',
    'PATCH, PUT patients/[id]',
    'DELETE patients/[id]',
    'PATCH patients/[id]/global_add_organization',
    'GET patients/[id]/consolidated_clients',
    'GET patients/[id]/wearable-status',
  ],
  'studies are made and changed at /fhir and on pages': [
    'POST, PUT, PATCH, DELETE studies',
    'GET, POST, DELETE studies/[id]/patients',
    'GET, POST, DELETE studies/[id]/scope_requests',
    'GET, POST, DELETE studies/[id]/clients',
    'GET, POST, DELETE studies/[id]/data_sources',
  ],
  'Observations are changed at /fhir, by the patient': ['PUT, PATCH, DELETE observations/[id]'],
  'sources and apps are for administrators and operators': [
    'GET data_sources/all_scopes',
    'GET data_sources/[id]/supported_scopes',
    'POST, PATCH, DELETE data_sources',
    'POST, PATCH, DELETE clients',
    'GET, POST, DELETE clients/[id]/data_sources',
  ],
  'invitations are sent from the page of a study, and nobody but the patient is told the token': [
    'GET, POST, PATCH, DELETE invitation',
  ],
  'a token for a notebook is made on the page of a study': ['GET, POST, PATCH, DELETE practitioner_clients'],
  'there is nothing of the kind here': [
    'GET, POST, PATCH, DELETE fhir_sources',
    'GET, POST, PATCH, DELETE jhe_settings',
    'GET patient-access/brands',
    'POST patient-access/identifier',
    'POST ow/users, GET ow/oauth/oura/authorize, GET oauth/oura/callback, GET ow/sync',
  ],
}

const once = (run: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}

/** Ids are strings here and numbers there; the recorded client spelled one member as no server does; and our department is a root. */
const missingIn = (ours: unknown, recorded: unknown): readonly string[] =>
  missingFrom(
    ours,
    recorded === undefined
      ? undefined
      : JSON.parse(JSON.stringify(recorded), function (this: object, key, value) {
          if (key === 'isSuperUser' || key === 'partOf') return undefined
          return idNames.has(key) && typeof value === 'number' && !('system' in this) ? String(value) : value
        }),
  )

const idNames: ReadonlySet<string> = new Set(['id', 'jheUserId'])
