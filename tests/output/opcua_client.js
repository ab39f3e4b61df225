// A line's program of node-opcua: reads and writes the words, and hears ResultReady events.
// Commands and answers are lines of JSON: {"read": [...names]}, {"write": {name: [type, value]}}.
const opcua = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const readline = require("readline");

const [url, user, password, name, pki] = process.argv.slice(2);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const LINE = "urn:qc-edge:line";
const VISION = "http://opcfoundation.org/UA/MachineVision";
const FIELDS = ["ResultId", "PartId", "JobId", "ResultState", "IsPartial", "ResultContent", "CreationTime"];

async function main() {
  const client = opcua.OPCUAClient.create({
    securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
    securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    clientCertificateManager: new OPCUACertificateManager({
      rootFolder: pki, automaticallyAcceptUnknownCertificate: true,
    }),
    certificateFile: process.env.CLIENT_CERTIFICATE, privateKeyFile: process.env.CLIENT_KEY,
    applicationUri: "urn:plc",
  });
  await client.connect(url);
  const identity = user
    ? { type: opcua.UserTokenType.UserName, userName: user, password }
    : { type: opcua.UserTokenType.Anonymous };
  const session = await client.createSession(identity);
  const namespaces = await session.readNamespaceArray();
  const line = namespaces.indexOf(LINE), vision = namespaces.indexOf(VISION);
  const at = (side, word) => `ns=${line};s=${name}.${side}.${word}`;

  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 10, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 50,
    maxNotificationsPerPublish: 100, publishingEnabled: true, priority: 1,
  });
  const select = FIELDS.map((field) => ({
    typeDefinitionId: `ns=${vision};i=1024`, attributeId: opcua.AttributeIds.Value,
    browsePath: [{ namespaceIndex: vision, name: field }],
  }));
  const item = await subscription.monitor(
    { nodeId: `ns=${line};s=${name}`, attributeId: opcua.AttributeIds.EventNotifier },
    { samplingInterval: 0, discardOldest: true, queueSize: 100,
      filter: new opcua.EventFilter({ selectClauses: select }) },
    opcua.TimestampsToReturn.Both, opcua.MonitoringMode.Reporting);
  item.on("changed", (fields) => {
    const event = {};
    FIELDS.forEach((field, at) => { event[field] = fields[at].value; });
    say({ event });
  });
  say({ ready: true });

  for await (const text of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(text);
    try {
      if (command.read) {
        const found = await session.read(command.read.map((word) => ({
          nodeId: word.includes("=") ? word : at("ToLine", word), attributeId: opcua.AttributeIds.Value })));
        say({ values: found.map((each) => each.value.value && each.value.value.text || each.value.value) });
      } else if (command.browse) {
        const found = await session.translateBrowsePath(
          opcua.makeBrowsePath(`ns=${line};s=${name}`, command.browse.replaceAll("VISION", vision)));
        const node = found.targets[0].targetId;
        const value = await session.read({ nodeId: node, attributeId: opcua.AttributeIds.Value });
        say({ value: value.value.value.text });
      } else {
        const codes = await session.write(Object.entries(command.write).map(([word, [type, value]]) => ({
          nodeId: word.includes("=") ? word : at(command.side || "FromLine", word), attributeId: opcua.AttributeIds.Value,
          value: { value: { dataType: opcua.DataType[type], value } } })));
        say({ codes: codes.map((code) => code.name) });
      }
    } catch (fault) {
      say({ fault: String(fault.message) });
    }
  }
  await session.close();
  await client.disconnect();
}

main().then(() => process.exit(0), (fault) => { say({ fatal: String(fault.message) }); process.exit(1); });
