import type { Search } from '../search/search.ts'
import { chainsFollowed } from './compile/chain-targets.ts'
import { lookedUp, terminologyFor } from './compile/terminology.ts'
import type { Connection } from './database.ts'
import { readCompleteness } from './figures/completeness.ts'
import { readGlucoseProfile } from './figures/glucose-profile.ts'
import { lastObservations } from './figures/lastn.ts'
import { readPressure } from './figures/pressure.ts'
import { readSeries } from './figures/series.ts'
import { readStatistics } from './figures/statistics.ts'
import { historyOfInstance } from './history/history.ts'
import { historyOfTypes } from './history/history-of-types.ts'
import { readQuarantined, readQuarantinedDocument } from './quarantine/quarantined.ts'
import { readRefusedDocument, readRefusedOf } from './quarantine/refused-of-patient.ts'
import { type Reading, read, vread } from './read.ts'
import { explainSearch } from './search/explain.ts'
import { withFewSharing } from './search/few-sharing.ts'
import { heldMatches } from './search/held-matches.ts'
import { sparingMatchless } from './search/matchless.ts'
import { readMeta } from './search/meta.ts'
import { searchMatches, searchPage } from './search/search.ts'
import { subsetsOf } from './search/subset.ts'
import { unseen } from './search/unseen.ts'
import { whose } from './search/whose.ts'
import type { ReadStore } from './store.ts'
import { readArrivals } from './study/arrivals.ts'
import { readSharers } from './study/sharers.ts'
import { readStudyPeople } from './study/study-people.ts'
import { issueBinding } from './subscription/binding-token.ts'
import { lastEventOf } from './subscription/subscriber.ts'
import { eventsIn } from './subscription/subscription-event.ts'
import { readIngest } from './upload/ingest-read.ts'
import { takeTurns } from './write/turns.ts'
import { unknown } from './write/write.ts'

/** What has to be known before the statement of a search can be made. */
const known = async (connection: Connection, asking: Reading, search: Search): Promise<Search> =>
  chainsFollowed(connection, asking, await lookedUp(connection, asking, search))

/** Whose Provenances can be seen, if they are few; a search of Observations finds that out by itself. */
const sharing = async (connection: Connection, asking: Reading, { type }: Search): Promise<Reading> =>
  type === 'Provenance' ? withFewSharing(connection, asking, { action: 's', types: [type] }) : asking

/** Everything that a caller may ask, on this connection: it sees what the transaction has written, if it is in one. */
export const reading = (connection: Connection, asking: Reading): Omit<ReadStore, 'validationPolicies'> => ({
  read: (type, id) => read(connection, asking, type, id),
  vread: (type, id, versionId) => vread(connection, asking, type, id, versionId),
  history: async (type, id, asked) => {
    const page = await historyOfInstance(connection, asking, { type, id }, asked)
    if (page === undefined) throw unknown(type, id)
    return page
  },
  historyOfTypes: (types, asked) => historyOfTypes(connection, asking, types, asked),
  search: async search =>
    searchPage(connection, await sharing(connection, asking, search), await known(connection, asking, search)),
  explain: async (search, depth) =>
    explainSearch(
      connection,
      await sharing(connection, asking, search),
      await known(connection, asking, search),
      depth,
    ),
  subset: (versions, subset) => subsetsOf(connection, asking, versions, subset),
  lastn: async asked => lastObservations(connection, asking, await lookedUp(connection, asking, asked)),
  statistics: async asked => readStatistics(connection, asking, await lookedUp(connection, asking, asked)),
  series: async asked => readSeries(connection, asking, await lookedUp(connection, asking, asked)),
  glucoseProfile: async asked => readGlucoseProfile(connection, asking, await lookedUp(connection, asking, asked)),
  pressure: async asked => readPressure(connection, asking, await lookedUp(connection, asking, asked)),
  completeness: async asked => readCompleteness(connection, asking, await lookedUp(connection, asking, asked)),
  studyPeople: asked => readStudyPeople(connection, asking, asked),
  sharers: asked => readSharers(connection, asking, asked),
  arrivals: async asked => readArrivals(connection, asking, await lookedUp(connection, asking, asked)),
  quarantined: asked => readQuarantined(connection, asking, asked),
  quarantinedDocument: (id, keepers) => readQuarantinedDocument(connection, asking, id, keepers),
  refusedOf: asked => readRefusedOf(connection, asking, asked),
  refusedDocument: id => readRefusedDocument(connection, asking, id),
  ingest: asked => readIngest(connection, asking, asked),
  terminology: terminologyFor(connection, asking),
  meta: types => readMeta(connection, asking, types),
  lastEvent: id => lastEventOf(connection, id),
  events: (id, question, range) => eventsIn(connection, asking, question, id, range),
  issueBinding: subscriptions => issueBinding(connection, subscriptions, asking.tokenHash),
  matches: (criteria, limit) => searchMatches(connection, asking, criteria, limit),
  heldMatches: (criteria, limit) => heldMatches(connection, asking, criteria, limit),
  unseen: (search, ids) => unseen(connection, asking, search, ids),
  asOne: (run, ahead = []) => run(sparingMatchless(connection, asking, ahead, reading(connection, asking))),
  takeTurns: (...of) => takeTurns(connection, asking, ...of),
  whose: async (asked, action) =>
    whose(connection, asking, await Promise.all(asked.map(one => lookedUp(connection, asking, one))), action),
})
