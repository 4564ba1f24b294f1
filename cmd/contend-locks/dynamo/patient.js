// dynalite ends when a client breaks a request off. Such a request was not carried
// out, and concerns nobody else.
process.on('uncaughtException', (err) => {
	if (err.code !== 'ECONNRESET') {
		console.error(err)
		process.exit(1)
	}
})
