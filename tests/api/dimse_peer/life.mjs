// A workitem's whole life by an independent DIMSE stack. Says what each step answered, in lines that begin with `step`.
import dcmjsDimse from 'dcmjs-dimse';

const { Client, Dataset, requests } = dcmjsDimse;
const { CEchoRequest, CFindRequest, NGetRequest, NActionRequest, NSetRequest } = requests;
const [port, title, accession, reporter] = process.argv.slice(2);
const PUSH = '1.2.840.10008.5.1.4.34.6.1';
const PULL = '1.2.840.10008.5.1.4.34.6.3';
const LOCK = '2.25.111';
const AT = '20260302080000+0000';
const code = (value, scheme, meaning) => [{ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning }];

function sent(request) {
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

function asking(request, elements) {
  request.setDataset(new Dataset(elements));
  return sent(request);
}

async function search(state) {
  const request = new CFindRequest();
  request.setAffectedSopClassUid(PULL);
  return asking(request, {
    SOPInstanceUID: '',
    ProcedureStepState: state,
    ReferencedRequestSequence: [{ AccessionNumber: accession }],
  });
}

const change = (uid, elements) => asking(new NActionRequest(PUSH, uid, 1), elements);

told('echo', (await sent(new CEchoRequest())).status);
const first = await search('SCHEDULED');
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
