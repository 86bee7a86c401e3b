import { current } from './tested-together.ts'

/** Replaces `tap` in a test file that is run with others in one process: loaded once for each of them. */
// biome-ignore lint/style/noDefaultExport: tap has one
export default current.test
