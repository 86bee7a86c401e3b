import type { InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { openStudies } from '../support/study.ts'

/** A route as the JupyterHealth Exchange lists it, and what shows that it answers here; without that, the reason why it does not. */
export type ContractRoute = {
  readonly route: string
  readonly shows?: (t: Test) => Promise<unknown>
  readonly deviation?: string
}

/** One institution with one study, one patient who takes part in it, and a researcher of the study. */
export const openContractWorld = async () => {
  const world = await openStudies()
  const { organization, manager } = await world.institution('Department')
  const kinds = ['omh:heart-rate', 'omh:blood-pressure', 'omh:blood-glucose']
  const study = await world.study(manager, organization, 'ACME Health CGM Study', kinds)
  const patient = await world.participant(manager, organization, study.id, kinds, 'Patient')
  const { id: device } = await world.create(world.administrator, {
    resourceType: 'Device',
    manufacturer: 'iHealth',
    deviceName: [{ name: 'Some Device', type: 'user-friendly-name' }],
  })
  const app = await world.patientToken(patient, 'patient/*.cruds')
  const researcher = await world.staffToken(study.researcher, 'user/*.rs')

  /** As today's clients send it: the token, and with a body its type; nothing else. */
  const ask = (bearer: string, url: string, body?: unknown, method: InjectOptions['method'] = body ? 'POST' : 'GET') =>
    world.server.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    })
  return { ...world, organization, manager, study, patient, device, app, researcher, ask }
}

export type ContractWorld = Awaited<ReturnType<typeof openContractWorld>>
