import hooks, { type AsyncHook } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

/*
 * Required in each test file before tap is there (`node-arg` in package.json): what tap would hook in took a fifth of the processor
 * time of all tests.
 * - A hook that is called for each promise tells the subtest of an error that is thrown outside its promise. Without it the error
 *   is told of the file, which fails. AsyncLocalStorage does not come this way, and works.
 * - Another reads each module once more, so that `tap --changed` knows which files a change concerns. It is told to leave all out.
 */
const none: AsyncHook = { enable: () => none, disable: () => none }
hooks.createHook = () => none
syncBuiltinESMExports()
process.env._TAPJS_PROCESSINFO_EXCLUDE_ = '/./'
