// Four fetchers take and complete jobs. Usage: node pgboss.mjs <jobs in the queue> <jobs to take> <batch size>; Postgres by PG… variables; prints jobs a second.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(`${process.env.PEERS}/`)
const { PgBoss } = await import(pathToFileURL(require.resolve('pg-boss')))
const [jobs, wanted, batchSize] = process.argv.slice(2).map(Number)
const FETCHERS = 4

const boss = new PgBoss({ supervise: false, schedule: false, max: FETCHERS })
boss.on('error', error => { throw error })
await boss.start()
await boss.deleteQueue('bench')
await boss.createQueue('bench')
for (let done = 0; done < jobs; done += 1000) {
  const rows = Array.from({ length: Math.min(1000, jobs - done) }, (_, n) => ({ data: { repository: `https://example.org/team/r${done + n}`, revision: 'HEAD' } }))
  await boss.insert('bench', rows)
}
await boss.getDb().executeSql('VACUUM ANALYZE')
await boss.getDb().executeSql('CHECKPOINT')

// Each fetcher's connection has done its first calls before the clock runs.
for (let n = 0; n < 4; n++) {
  await Promise.all(Array.from({ length: FETCHERS }, async () => {
    const taken = await boss.fetch('bench', { batchSize: 1 })
    await boss.complete('bench', taken.map(job => job.id))
  }))
}

let finished = 0
async function fetcher () {
  while (finished < wanted) {
    const taken = await boss.fetch('bench', { batchSize })
    if (taken.length === 0) throw new Error(`the queue is empty after ${finished} of ${wanted} jobs`)
    await boss.complete('bench', taken.map(job => job.id))
    finished += taken.length
  }
}
const began = process.hrtime.bigint()
await Promise.all(Array.from({ length: FETCHERS }, fetcher))
const seconds = Number(process.hrtime.bigint() - began) / 1e9
console.log(finished / seconds)
await boss.stop({ graceful: false })
process.exit(0)
