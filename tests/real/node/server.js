// A submission server of Nodemailer's smtp-server: 587 with STARTTLS, 465 with implicit TLS.
// usage: node server.js HOST KEY CERTIFICATE; it finds smtp-server by NODE_PATH.
//
// On IPv6 it is as it comes: AUTH stands in the list before TLS (and is refused there with 538). On IPv4 it is as a
// careful owner would have it: no AUTH before TLS.

const { readFileSync } = require("fs")
const { SMTPServer } = require("smtp-server")
const { SMTPConnection } = require("smtp-server/lib/smtp-connection.js")

const [name, keyFile, certificateFile] = process.argv.slice(2)
const key = readFileSync(keyFile)
const cert = readFileSync(certificateFile)
const onAuth = (auth, session, done) => done(new Error("Invalid username or password"))
const settings = { name, key, cert, size: 20971520, disableReverseLookup: true, logger: false, onAuth }

const isSupported = SMTPConnection.prototype._isSupported
SMTPConnection.prototype._isSupported = function (command) {
    const early = this._server.options.authInTlsOnly && !this.secure
    return !(early && String(command).toUpperCase() === "AUTH") && isSupported.call(this, command)
}

for (const [address, authInTlsOnly] of [["0.0.0.0", true], ["::", false]]) {
    for (const [port, secure] of [[587, false], [465, true]]) {
        const server = new SMTPServer({ ...settings, secure, authInTlsOnly })
        server.on("error", () => {})
        server.server.listen({ port, host: address, ipv6Only: address === "::" })
    }
}
