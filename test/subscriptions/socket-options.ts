import type { Test } from 'tap'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openOutbound } from '../../src/messages/outbound.ts'

/** What sockets need besides a database and the rules. Nothing is read and sent elsewhere, and a fault fails the test. */
export const socketOptions = (t: Test) => {
  const outbound = openOutbound({ allowed: [] })
  t.teardown(() => outbound.close())
  return {
    registry: loadRegistry(),
    classes: openCodeClasses(),
    readAs: () => Promise.reject(new Error('nothing is read')),
    outbound,
    base: () => 'http://localhost/fhir',
    recordTold: async () => {},
    reportFault: (fault: unknown) => t.fail(String(fault)),
  }
}
