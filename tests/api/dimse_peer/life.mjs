// Workitems' whole lives by an independent DIMSE stack: of a study that is planned, and of one that it makes known.
// Says what each step answered, in lines that begin with `step`.
import dcmjsDimse from 'dcmjs-dimse';

const { Client, Dataset, requests } = dcmjsDimse;
const { CEchoRequest, CFindRequest, NGetRequest, NActionRequest, NCreateRequest, NSetRequest } = requests;
const [port, reader, creator, planned, unknown, reporter] = process.argv.slice(2);
const PUSH = '1.2.840.10008.5.1.4.34.6.1';
const PULL = '1.2.840.10008.5.1.4.34.6.3';
const LOCK = '2.25.111';
const AT = '20260302080000+0000';
const GIVEN = '2.25.333';
const code = (value, scheme, meaning) => [{ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning }];

function sent(request, title = reader) {
  return new Promise((resolve, reject) => {
    const found = [];
    let last;
    request.on('response', (response) => {
      last = response;
      if (response.hasDataset && response.hasDataset()) found.push(response.getDataset());
    });
    const client = new Client();
    client.addRequest(request);
    client.on('networkError', reject);
    client.on('associationRejected', () => reject(new Error('rejected')));
    client.on('closed', () => resolve({ status: last.getStatus(), found }));
    client.send('127.0.0.1', Number(port), title, 'BALANCER');
  });
}

function told(step, status, more = '') {
  console.log(`step ${step} ${status.toString(16).padStart(4, '0')} ${more}`.trim());
}

function asking(request, elements, title = reader) {
  request.setDataset(new Dataset(elements));
  return sent(request, title);
}

const creation = () => ({
  ScheduledProcedureStepPriority: 'MEDIUM',
  ProcedureStepLabel: 'CT head',
  WorklistLabel: 'urgent',
  ScheduledProcedureStepStartDateTime: '20260302070000+0000',
  InputReadinessState: 'READY',
  ProcedureStepState: 'SCHEDULED',
  PatientID: `H-${unknown}`,
  IssuerOfPatientID: 'RVV',
  StudyInstanceUID: '2.25.444',
  ReferencedRequestSequence: [{
    AccessionNumber: unknown,
    IssuerOfAccessionNumberSequence: [{ LocalNamespaceEntityID: 'RVV' }],
    RequestedProcedureCodeSequence: code('CTH', 'NICIP', 'CT head'),
  }],
});

async function create(step, uid, elements) {
  told(step, (await asking(new NCreateRequest(PUSH, uid), elements, creator)).status);
}

async function search(accession, state) {
  const request = new CFindRequest();
  request.setAffectedSopClassUid(PULL);
  return asking(request, {
    SOPInstanceUID: '',
    ProcedureStepState: state,
    ReferencedRequestSequence: [{ AccessionNumber: accession }],
  });
}

const change = (uid, elements) => asking(new NActionRequest(PUSH, uid, 1), elements);

// From being scheduled to its end; the workitem's UID.
async function live(accession) {
  const first = await search(accession, 'SCHEDULED');
  const uid = first.found[0].getElement('SOPInstanceUID');
  told('find', first.status, String(first.found.length));
  const who = [{ HumanPerformerCodeSequence: code(reporter, '99BALANCER', reporter) }];
  told('begin', (await change(uid, {
    TransactionUID: LOCK, ProcedureStepState: 'IN PROGRESS', ActualHumanPerformersSequence: who,
  })).status);
  told('again', (await change(uid, {
    TransactionUID: '2.25.222', ProcedureStepState: 'IN PROGRESS', ActualHumanPerformersSequence: who,
  })).status);
  told('early', (await change(uid, { TransactionUID: LOCK, ProcedureStepState: 'COMPLETED' })).status);
  told('say', (await asking(new NSetRequest(PUSH, uid), {
    TransactionUID: LOCK,
    UnifiedProcedureStepPerformedProcedureSequence: [{
      ActualHumanPerformersSequence: who,
      PerformedStationNameCodeSequence: code('WS1', '99TEST', 'Workstation'),
      PerformedWorkitemCodeSequence: code('110005', 'DCM', 'Interpretation'),
      PerformedProcedureStepStartDateTime: AT,
      PerformedProcedureStepEndDateTime: AT,
      OutputInformationSequence: [{ TypeOfInstances: 'DICOM' }],
    }],
  })).status);
  told('complete', (await change(uid, { TransactionUID: LOCK, ProcedureStepState: 'COMPLETED' })).status);
  const got = await sent(new NGetRequest(PUSH, uid, ['00741000']));
  told('get', got.status, got.found[0].getElement('ProcedureStepState'));
  return uid;
}

told('echo', (await sent(new CEchoRequest())).status);
await live(planned);
await create('half', GIVEN, { ProcedureStepState: 'SCHEDULED' });
await create('create', GIVEN, creation());
await create('twice', GIVEN, creation());
told('same', await live(unknown) === GIVEN ? 0 : 1);
await create('known', '2.25.555', creation());
