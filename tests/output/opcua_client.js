// A line's programs of node-opcua, any number of them: each reads and writes the words, and hears ResultReady events.
// Commands and answers are lines of JSON, "on" says whose: {"on": 1, "connect": {...}}, {"on": 1, "read": [...names]},
// {"on": 1, "write": {name: [type, value]}}, {"on": 1, "call": [object, method], "with": [[type, value], ...]},
// {"on": 1, "close": true}.
const opcua = require("node-opcua-client");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const readline = require("readline");

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const LINE = "urn:qc-edge:line";
const VISION = "http://opcfoundation.org/UA/MachineVision";
const FIELDS = ["ResultId", "PartId", "JobId", "ResultState", "IsPartial", "ResultContent", "CreationTime"];

const STRUCTURES = { RecipeIdExternal: 3002, ProductId: 3003, PartId: 3004, ConfigurationId: 3008, RecipeIdInternal: 3013,
  MeasId: 3015, JobId: 3016, ResultId: 3021 };

async function connect(on, { url, user, password, name, pki, certificate, key, types }) {
  const client = opcua.OPCUAClient.create({
    securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
    securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    clientCertificateManager: new OPCUACertificateManager({
      rootFolder: pki, automaticallyAcceptUnknownCertificate: true,
    }),
    certificateFile: certificate, privateKeyFile: key,
    applicationUri: "urn:plc",
  });
  try {
    await client.connect(url);
    return { client, ...(await open(on, client, user, password, name, types)) };
  } catch (fault) {
    await client.disconnect();
    throw fault;
  }
}

async function open(on, client, user, password, name, types) {
  const identity = user
    ? { type: opcua.UserTokenType.UserName, userName: user, password }
    : { type: opcua.UserTokenType.Anonymous };
  const session = await client.createSession(identity);
  const namespaces = await session.readNamespaceArray();
  const line = namespaces.indexOf(LINE), vision = namespaces.indexOf(VISION);
  const at = (side, word) => `ns=${line};s=${name}.${side}.${word}`;

  const argument = async ([type, value]) => STRUCTURES[type]
    ? { dataType: opcua.DataType.ExtensionObject,
        value: await session.constructExtensionObject(
          opcua.coerceNodeId(`ns=${vision};i=${STRUCTURES[type]}`), { id: value }) }
    : { dataType: opcua.DataType[type], value };
  // The library reads the structures of the specification, with 800 requests, where it needs the first: rather now.
  if (types) await argument(["ResultId", ""]);

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
    say({ on, event });
  });
  return { session, at, argument, root: `ns=${line};s=${name}`, vision };
}

async function answer({ client, session, at, argument, root, vision }, command) {
  if (command.read) {
    const found = await session.read(command.read.map((word) => ({
      nodeId: word.includes("=") ? word : at("ToLine", word), attributeId: opcua.AttributeIds.Value })));
    return { values: found.map((each) => each.value.value && each.value.value.text || each.value.value) };
  }
  if (command.browse) {
    const found = await session.translateBrowsePath(
      opcua.makeBrowsePath(root, command.browse.replaceAll("VISION", vision)));
    const node = found.targets[0].targetId;
    const value = await session.read({ nodeId: node, attributeId: opcua.AttributeIds.Value });
    return { value: value.value.value.text };
  }
  if (command.write) {
    const codes = await session.write(Object.entries(command.write).map(([word, [type, value]]) => ({
      nodeId: word.includes("=") ? word : at(command.side || "FromLine", word), attributeId: opcua.AttributeIds.Value,
      value: { value: { dataType: opcua.DataType[type], value } } })));
    return { codes: codes.map((code) => code.name) };
  }
  if (command.call) {
    const [object, method] = command.call;
    const done = await session.call({ objectId: `${root}.${object}`, methodId: `${root}.${object}.${method}`,
      inputArguments: await Promise.all(command.with.map(argument)) });
    const about = await session.read({ nodeId: `${root}.${object}.${method}`,
      attributeId: opcua.AttributeIds.Description });
    return { code: done.statusCode.name, outputs: (done.outputArguments || []).map((each) => each.value),
      about: about.value.value && about.value.value.text };
  }
  // A server that has ended before answers neither.
  const gone = new Promise((resolve) => setTimeout(resolve, 3000));
  await Promise.race([session.close().then(() => client.disconnect()), gone]);
  return { closed: true };
}

async function main() {
  const connected = new Map();
  for await (const text of readline.createInterface({ input: process.stdin })) {
    const { on, ...command } = JSON.parse(text);
    try {
      if (command.connect) {
        connected.set(on, await connect(on, command.connect));
        say({ on, ready: true });
      } else {
        say({ on, ...(await answer(connected.get(on), command)) });
      }
    } catch (fault) {
      say({ on, fault: String(fault.message) });
    }
  }
}

// What the library does for one client whose server has ended must not end the others. A request that fails is
// answered all the same.
const others = (fault) => process.stderr.write(`${fault && fault.stack || fault}\n`);
process.on("unhandledRejection", others);
process.on("uncaughtException", others);

main().then(() => process.exit(0));
