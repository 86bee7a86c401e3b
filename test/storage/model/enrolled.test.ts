import t from 'tap'
import * as w from './world.ts'

const heartRate = 'omh:heart-rate'
const world = await w.openWorld()
t.teardown(world.close)
const { put, see, storeOf } = world

t.test(
  'what is given to a study is read in every status but those of somebody who is not in it, or no more',
  async t => {
    await put(
      w.organization('lab'),
      w.role('researcher', 'lab', 'viewer'),
      w.study('s', 'lab', [w.requests(heartRate)]),
    )
    const researcher = storeOf(w.staff('researcher'))
    const read: string[] = []
    for (const status of [
      'candidate',
      'eligible',
      'follow-up',
      'ineligible',
      'not-registered',
      'off-study',
      'on-study',
      'on-study-intervention',
      'on-study-observation',
      'pending-on-study',
      'potential-candidate',
      'screening',
      'withdrawn',
    ]) {
      await put(
        w.registered(status, 'lab'),
        w.enrols('s', status, 'candidate'),
        w.consent('s', status, 'active', [w.permit(heartRate)]),
        w.measured(`pulse-${status}`, status, heartRate),
        w.enrols('s', status, status),
      )
      if ((await see(researcher, 'Observation', `patient=${status}`)).length > 0) read.push(status)
    }
    t.strictSame(read, [
      'candidate',
      'eligible',
      'follow-up',
      'on-study',
      'on-study-intervention',
      'on-study-observation',
      'pending-on-study',
      'potential-candidate',
      'screening',
    ])
  },
)
