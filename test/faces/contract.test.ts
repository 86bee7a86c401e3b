import t from 'tap'
import { apiContract } from './api/contract.ts'
import { type ContractRoute, type ContractWorld, openContractWorld } from './contract-world.ts'
import { r5Contract } from './r5/contract.ts'
import { isRecorded } from './recorded.ts'

/** Each half of the contract, by its routes. */
const contracts: readonly (readonly [name: string, routesOf: (world: ContractWorld) => readonly ContractRoute[]])[] = [
  ['FHIR R5', r5Contract],
  ['REST', apiContract],
]

const skip = !isRecorded && 'what was recorded of today’s clients is not in ../shared'
t.test('today’s clients are answered as the JupyterHealth Exchange answers them', { skip }, async t => {
  const world = await openContractWorld()
  t.teardown(() => world.server.close())
  for (const [name, routesOf] of contracts) {
    const routes = routesOf(world)
    const covered = routes.filter(({ shows }) => shows !== undefined)
    for (const { route, shows } of covered) await t.test(route, async t => shows?.(t))
    t.comment(`${name}: ${covered.length} of ${routes.length} routes covered`)
    for (const { route, deviation } of routes) if (deviation !== undefined) t.comment(`not ${route}: ${deviation}`)
  }
})
