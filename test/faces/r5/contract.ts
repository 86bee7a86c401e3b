import type { ContractRoute, ContractWorld } from '../contract-world.ts'
import { missingFrom, recordedResponses, recordedText } from '../recorded.ts'

const base = '/FHIR/R5'
const heartRate = 'https://w3id.org/openmhealth|omh:heart-rate:2.0'

/** What the JupyterHealth Exchange lists below /FHIR/R5. */
export const r5Contract = (world: ContractWorld): readonly ContractRoute[] => {
  const { ask, app, researcher, patient, organization, device, study } = world
  const [firstPage, lastPage] = recordedResponses().filter(({ url }) => url.startsWith(`${base}/Observation`))
  const measured = [firstPage, lastPage]
    .flatMap(page => page?.json.entry.map(({ resource }: Entry) => resource))
    .map(apart)
  const own = <R>(recorded: R): R =>
    JSON.parse(
      JSON.stringify(recorded)
        .replaceAll(/Patient\/\d+/g, `Patient/${patient}`)
        .replaceAll(/Device\/\d+/g, `Device/${device}`),
    )
  const batchOf = (resources: readonly object[]) => ({
    resourceType: 'Bundle',
    type: 'batch',
    entry: resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } })),
  })
  const upload = async (path: string, sent: object): Promise<readonly Entry[]> =>
    (await ask(app, path, own(sent))).json().entry
  const search = async (query: string) => (await ask(researcher, `${base}/${query}`)).json()

  const uploads: readonly ContractRoute[] = [`${base}/`, base].map(path => ({
    route: `POST ${path}`,
    shows: async t => {
      const first = await upload(path, batchOf(measured))
      const again = await upload(path, batchOf(measured))
      t.same(statusesIn(again), { '200 OK': 3 }, 'an existing one is not an error')
      t.same(idsIn(again), idsIn(first), 'every entry says what it became')
      const day = JSON.parse(recordedText('derived/bundle-batch-288-cgm-r5-style.json.gz'))
      t.same(statusesIn(await upload(path, day)), { [path === base ? '200 OK' : '201 Created']: 288 })
    },
  }))

  /** Reads a study's data but none of its Patients, as in a coded study. */
  const codedReader = () => world.staffToken(study.researcher, 'user/Observation.rs user/ResearchStudy.rs')
  const byStudy = (asked: URLSearchParams) => new URLSearchParams([...asked].filter(([name]) => name !== 'patient'))
  const pagesOf = async (bearer: string, query: string): Promise<readonly number[]> => {
    const sizes: number[] = []
    for (let url: string | undefined = query; url !== undefined; ) {
      const { entry, link }: { entry: readonly Entry[]; link: readonly Link[] } = (
        await ask(bearer, `${base}/${url}`)
      ).json()
      sizes.push(entry.length)
      const next: string | undefined = link.find(one => one.relation === 'next')?.url
      url = next?.slice(next.indexOf('Observation'))
    }
    return sizes
  }
  const observations: readonly ContractRoute[] = [
    {
      route: `GET ${base}/Observation`,
      shows: async t => {
        await upload(base, batchOf(measured))
        const asked = new URLSearchParams({
          patient,
          'patient._has:Group:member:_id': study.group,
          code: heartRate,
        })
        const first = await search(`Observation?${asked}&_count=2`)
        t.same(missingFrom(first, firstPage?.json), [])
        const next: string = first.link.find((one: Link) => one.relation === 'next').url
        const last = await search(next.slice(next.indexOf('Observation')))
        t.same(missingFrom(last, lastPage?.json), [])
        const found: readonly Entry[] = [...first.entry, ...last.entry]
        t.equal(new Set(idsIn(found)).size, 3)
        const bytesOf = (data = '') => Buffer.from(data, 'base64').toString()
        t.same(
          new Set(found.map(({ resource }) => bytesOf(resource.valueAttachment?.data))),
          new Set(measured.map(({ valueAttachment }) => bytesOf(valueAttachment.data))),
        )
        t.same(new Set(found.map(({ resource }) => resource.code?.coding[0]?.code)), new Set(['omh:heart-rate:2.0']))
        const none = await search(`Observation?${asked}&date=lt1990-01-01`)
        t.match(none, { type: 'searchset', total: 0, entry: [], link: [{ relation: 'self' }] })
        t.same(
          await pagesOf(await codedReader(), `Observation?${byStudy(asked)}&_count=2`),
          [2, 1],
          'nor need Patients be seen',
        )
        t.same(await pagesOf(researcher, `Observation?${byStudy(asked)}&_count=2`), [2, 1])
      },
    },
    {
      route: `GET ${base}/Observation/[id]`,
      shows: async t => {
        const [created] = await upload(base, batchOf(measured))
        const { resource } = firstPage?.json.entry[0] ?? {}
        t.same(missingFrom(await search(`Observation/${created?.resource.id}`), resource), [])
      },
    },
    {
      route: `POST ${base}/Observation`,
      shows: async t => {
        const real = JSON.parse(recordedText('jhe/commonhealth-real-observation.json')).searchset_entry.resource
        const answer = await ask(app, `${base}/Observation`, own({ ...real, id: undefined, meta: undefined }))
        t.equal(answer.statusCode, 201)
        t.same(missingFrom(answer.json(), { ...real, identifier: undefined }), [])
        const bare = JSON.parse(recordedText('jhe/batch-upload-body-only-2024.json'))
        t.same(statusesIn(await upload(base, bare)), { '201 Created': 1 }, 'so does a body without a header')
      },
    },
    {
      route: `POST ${base}/Observation/_search`,
      shows: async t => {
        const { server } = world
        const answer = await server.inject({
          method: 'POST',
          url: `${base}/Observation/_search`,
          headers: { authorization: `Bearer ${researcher}`, 'content-type': 'application/x-www-form-urlencoded' },
          payload: `patient=${patient}&_count=1`,
        })
        t.same(missingFrom(answer.json(), lastPage?.json), [])
      },
    },
  ]

  const byPatients = [
    `patient=${patient}`,
    `patient.organization=${organization}`,
    `patient._has:Group:member:_id=${study.group}`,
  ]
  const ownIds = { Group: study.group, Organization: organization, Practitioner: study.researcher.practitioner }
  const others = [
    ['Patient', patient, `patient._has:Group:member:_id=${study.group}`],
    ['Patient', patient, `patient=${patient}`],
    ['Patient', patient, `patient.organization=${organization}`],
    ['Patient', patient, `patient=Patient/${patient}`],
    ['Group', study.group, `_id=${study.group}`],
    ['Device', device, 'device-name=Some'],
    ['Organization', organization, 'name=Department'],
    ['Practitioner', study.researcher.practitioner, 'name=ACME'],
    ...(['Group', 'Organization', 'Practitioner'] as const).flatMap(type =>
      byPatients.map(query => [type, ownIds[type], type === 'Practitioner' ? `${query}&name=ACME` : query] as const),
    ),
  ] as const
  const reads = [...Map.groupBy(others, ([type]) => type)].flatMap(([type, asks]): readonly ContractRoute[] => [
    {
      route: `GET ${base}/${type}`,
      shows: async t => {
        for (const [, id, query] of asks) {
          const { type: bundle, entry, link } = await search(`${type}?${query}`)
          t.match(
            { bundle, ids: idsIn(entry), link },
            { bundle: 'searchset', ids: [id], link: [{ relation: 'self' }] },
            query,
          )
        }
      },
    },
    {
      route: `GET ${base}/${type}/[id]`,
      shows: async t => t.match(await search(`${type}/${asks[0]?.[1]}`), { resourceType: type, id: asks[0]?.[1] }),
    },
  ])

  const told: readonly ContractRoute[] = [
    {
      route: `GET ${base}/metadata`,
      shows: async t =>
        t.match((await world.server.inject({ url: `${base}/metadata` })).json(), {
          fhirVersion: '5.0.0',
          rest: [
            {
              security: {
                extension: [
                  {
                    url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
                    extension: [
                      { url: 'authorize', valueUri: /\/oauth\/authorize$/ },
                      { url: 'token', valueUri: /\/oauth\/token$/ },
                    ],
                  },
                ],
              },
            },
          ],
        }),
    },
    {
      route: `GET ${base}/.well-known/smart-configuration`,
      shows: async t => {
        const { authorization_endpoint, token_endpoint } = (
          await world.server.inject({ url: `${base}/.well-known/smart-configuration` })
        ).json()
        t.same(
          [authorization_endpoint, token_endpoint].filter(one => !one),
          [],
        )
      },
    },
  ]
  return [...told, ...uploads, ...observations, ...reads, ...elsewhere]
}

const atR4 = 'such resources are written and read at /fhir, as R4'
const elsewhere: readonly ContractRoute[] = [
  { route: `GET, POST ${base}/[20 more types]`, deviation: atR4 },
  { route: `GET, PUT, PATCH, DELETE ${base}/[20 more types]/[id]`, deviation: atR4 },
  { route: 'POST /fhir-import/R4', deviation: atR4 },
]

/** The three have the same content for the same second, which would be one measurement here, so each is moved to a second of its own. */
const apart = (recorded: { valueAttachment: { data: string } }, index: number) => {
  const document = Buffer.from(recorded.valueAttachment.data, 'base64').toString()
  const moved = document.replace('T23:39:09', `T23:39:0${index}`)
  return { ...recorded, valueAttachment: { ...recorded.valueAttachment, data: Buffer.from(moved).toString('base64') } }
}

type Link = { readonly relation: string; readonly url: string }

type Entry = {
  readonly resource: {
    readonly id: string
    readonly code?: { readonly coding: readonly { readonly code: string }[] }
    readonly valueAttachment?: { readonly data: string }
  }
  readonly response: { readonly status: string }
}

const idsIn = (entries: readonly Entry[]): readonly string[] => entries.map(({ resource }) => resource.id)

const statusesIn = (entries: readonly Entry[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...Map.groupBy(entries, ({ response }) => response.status)].map(([status, all]) => [status, all.length]),
  )
