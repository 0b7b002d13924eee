"""What each asset says of itself in the graph: what it is, when it changes, what to do when it is red."""

OWNERS = ["team:hugflow"]

REQUESTS = """Everything that people ask for: the YAML files in `requests/add/` and `requests/remove/`.

- **Changes** when a file is merged, changed or deleted. The sensor looks every few seconds, and starts a landing for
  each new file by itself.
- **Red or yellow:** a file cannot be read. The check `files_valid` names file, line and what to write instead.
  Correct the file; no other dataset waits for it.
- **To ask for a dataset:** `hugflow add ORG/NAME`, or a pull request with one file.
"""

HUB_DATASET = """The dataset as it is on the Hugging Face Hub. Nothing of it is copied here; it is only watched.

- **Changes** when somebody pushes to the branch that was asked for. The data version is that branch's newest commit.
- **A landing that then says _upstream data has changed_** is still whole, of the older commit. `hugflow update NAME`
  lands the newer one.
- **Red:** the Hub did not answer. Usually it passes by itself; the run's first red line says what it was.
"""

DATASET = """A requested dataset on the shared storage: plain audio files and JSON, every byte verified. One partition
a request.

- **Changes** when its request is merged, changed, or removed, and when a landing is repaired or updated. It is
  visible only when it is complete.
- **To use it:** choose the partition. Its newest materialization says what it is, for whom, under which licence, and
  the path to copy. In Python: `open_dataset("NAME")`.
- **Red:** the run's first red line says what is wrong and what to do. What can pass by itself (a slow Hub, a full
  disk) is tried again for a day; the rest waits for the request to be corrected. Materialize the partition to try
  now; nothing is fetched twice.
- **A check is red:** open it under _Checks_. Materializing the partition repairs files that are damaged or missing.
"""

PROFILE = """What is in a landed dataset, as one picture: rows and hours a split, durations, rates, texts, speed of
speech, speakers, characters.

- **Changes** with each landing of the dataset. It reads the record only; no audio is decoded.
- **Look at** `figure`, then at `worth_a_look`: empty transcripts, clips that occur twice, the longest and shortest,
  characters that do not belong.
- **Red:** the record cannot be read. Materialize `dataset` to repair it, then this.
"""

CATALOGUE = """Everything that is landed, and how full the storage is: a map by size, the quota, and what wants
attention.

- **Changes** by itself whenever landings come to rest.
- **What wants attention** comes first: what is damaged, asked for by nobody, behind the Hub, or near its
  `keep_until`, each with what to do.
- **Red:** the storage cannot be read. `hugflow doctor` says why.
"""

REMOVED = """A removal request, carried out. One partition a file in `requests/remove/`.

- **Changes** when such a file is merged. What it matches goes to the trash, can be restored for a while (`hugflow
  restore NAME`), and is deleted then.
- **Red:** the file matches nothing, or a part of something wider; the run's first red line says which. Nothing was
  removed.
"""
