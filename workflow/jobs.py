"""From a profile to its jobs: which notebook runs with which parameters, where, and after which others."""
from dataclasses import dataclass, replace
from pathlib import Path
import yaml
from gradalign.experiments.records import params_hash, run_dir

HERE = Path(__file__).parent
GENERATED = 'direct', 'indirect' # estimators that are trained
SECTIONS = dict(profile=str, seeds=list, train=dict, estimate=dict, evaluate=dict, sweep=dict)

@dataclass(frozen=True)
class Job:
    kind: str          # train, estimate, evaluate or report: the notebook of that name in nbs/experiments
    name: str          # what the terminal and Snakemake call it
    folder: str        # of its outputs, below the folder make was called in
    given: dict        # the notebook's parameters
    needs: tuple = ()  # folders whose records it reads

def profiles(): return sorted(p.stem for p in HERE.glob('*.yaml'))

def profile_file(name):
    "The YAML file of a profile; ValueError lists the profiles there are"
    if name not in profiles(): raise ValueError(f'there is no profile {name!r}; there are: {", ".join(profiles())}')
    return HERE/f'{name}.yaml'

class Loader(yaml.SafeLoader):
    "YAML without its two traps: a key given twice, and `1e-3`, which YAML reads as text (it wants 1.0e-3)"
    def construct_mapping(self, node, deep=False):
        keys = [k.value for k, _ in node.value]
        twice = {k for k in keys if keys.count(k) > 1}
        if twice: raise ValueError(f'given twice: {", ".join(sorted(twice))} (line {node.start_mark.line+1})')
        return super().construct_mapping(node, deep)

def not_a_number(loader, node):
    "Text; ValueError if it looks like a number and bears no quotes"
    try: float(node.value)
    except ValueError: return node.value
    if node.style: return node.value
    raise ValueError(f'{node.value} is text in YAML (line {node.start_mark.line+1}): write a number as 1.0e-3, a text in quotes')
Loader.add_constructor('tag:yaml.org,2002:str', not_a_number)

def read_profile(file):
    "The profile as a dict, each of its sections of the right type; ValueError says what is wrong"
    try: profile = yaml.load(Path(file).read_text(encoding='utf-8'), Loader)
    except ValueError as e: raise ValueError(f'{file}: {e}') from e
    unknown = profile.keys() - SECTIONS.keys()
    if unknown: raise ValueError(f'{file}: unknown section {", ".join(sorted(unknown))}; there are: {", ".join(SECTIONS)}')
    for name, kind in SECTIONS.items():
        if not isinstance(profile.get(name, kind()), kind): raise ValueError(f'{file}: {name} must be a {kind.__name__}')
    if profile['profile'] != Path(file).stem: raise ValueError(f'{file}: its profile is called {profile["profile"]!r}')
    return profile

def entries(profile, kind):
    "`(dataset, method, params, seed)` for each entry `dataset.method` of a section, each of its variants where it lists several, and each seed"
    for name, variants in profile.get(kind, {}).items():
        if name.count('.') != 1: raise ValueError(f'{kind}: {name!r} is not of the form dataset.method')
        for params in variants if isinstance(variants, list) else [variants]:
            params = dict(params or {})
            seeds = params.pop('seeds', profile['seeds'])
            for i, seed in enumerate(seeds): yield *name.split('.'), own_generator(params, i, len(seeds), name), seed

def own_generator(params, i, n, name):
    "`params` for the i-th of n seeds: where `generator` is a list, one for each seed, the i-th of them"
    listed = params.get('generator')
    if not isinstance(listed, list): return params
    if len(listed) != n: raise ValueError(f'{name}: generator lists {len(listed)} seeds, the entry has {n}')
    return dict(params, generator=listed[i])

def found(profile, kind, dataset, method, seed, asked):
    "The parameters of the entry `dataset.method` with this seed, of its first variant; ValueError names what asked for it"
    for d, m, params, s in entries(profile, kind):
        if (d, m, s) == (dataset, method, seed): return params
    raise ValueError(f'{asked}: the profile has no {kind} {dataset}.{method} with seed {seed}')

def folder_of(profile, kind, dataset, method, params, seed):
    """The folder of a run. Its name covers what the run is made from, too: `generator: k` is the estimate dataset.direct (or indirect) with seed k,
    `judge: method` the training dataset.method with the same seed, or with the first there is. Another generator, another run"""
    return run_dir(f'runs/{profile["profile"]}', kind, dataset, method, full(profile, dataset, params, seed), seed).as_posix()

def full(profile, dataset, params, seed):
    "`params` with the parameters of the runs they name"
    made = {k: [s, full(profile, dataset, p, s)] for k, _, _, p, s in sources(profile, dataset, params, seed)}
    return dict(params, **made)

def sources(profile, dataset, params, seed):
    "`(parameter, kind, method, params, seed)` of the runs that `params` names"
    out = []
    for name, using in dict(generator=[params.get('estimator')], compare_generator=params.get('compare', ())).items():
        if (k := params.get(name)) is None: continue
        made = next((m for m in using if m in GENERATED), 'direct')
        out.append((name, 'estimate', made, found(profile, 'estimate', dataset, made, k, f'{name} {k}'), k))
    if (m := params.get('judge')) is not None:
        seeds = [s for d, o, _, s in entries(profile, 'train') if (d, o) == (dataset, m)]
        s = seed if seed in seeds or not seeds else seeds[0]
        out.append(('judge', 'train', m, found(profile, 'train', dataset, m, s, f'judge {m}'), s))
    return out

def given_folders(profile, dataset, params, seed):
    "What a notebook is given for the runs that `params` names: parameter → folder"
    return {k: folder_of(profile, kind, dataset, m, p, s) for k, kind, m, p, s in sources(profile, dataset, params, seed)}

def run(profile, kind, dataset, method, params, seed):
    "The job of one training or one estimate"
    folder, made = folder_of(profile, kind, dataset, method, params, seed), given_folders(profile, dataset, params, seed)
    given = dict(profile=profile['profile'], dataset=dataset, method=method, seed=seed, out=folder, **{**params, **made})
    return Job(kind, f'{kind} {dataset}.{method} seed {seed}', folder, given, tuple(made.values()))

def evaluation(profile, dataset, method, params, seed, options):
    "The job that evaluates a trained model. The name of its folder covers the training, too: other training, other evaluation"
    trained, options = folder_of(profile, 'train', dataset, method, params, seed), dict(options)
    made = given_folders(profile, dataset, options, seed)
    folder = folder_of(profile, 'evaluate', dataset, method, dict(options, train=full(profile, dataset, params, seed)), seed)
    given = dict(profile=profile['profile'], run=trained, seed=seed, out=folder, **{**options, **made})
    return Job('evaluate', f'evaluate {dataset}.{method} seed {seed}', folder, given, (trained, *made.values()))

def sweep(profile):
    """The jobs of Table 4: for each entry `dataset.method` of the section sweep, each of the strengths that its `eps` lists, and each seed,
    a training and an evaluation as its `evaluate` says"""
    for name, own in profile.get('sweep', {}).items():
        missing = [k for k in ('eps', 'evaluate') if k not in (own or {})]
        if missing: raise ValueError(f'sweep {name}: {missing[0]} is missing (eps: the list of strengths; evaluate: what each model is asked)')
        if not isinstance(own['eps'], list): raise ValueError(f'sweep {name}: eps must be a list, got {own["eps"]!r}')
        options, rest = own['evaluate'], {k: v for k, v in own.items() if k not in ('eps', 'evaluate')}
        variants = [dict(rest, eps=e) for e in own['eps']]
        for dataset, method, params, seed in entries(dict(profile, sweep={name: variants}), 'sweep'):
            for job in run(profile, 'train', dataset, method, params, seed), evaluation(profile, dataset, method, params, seed, options):
                yield replace(job, name=f'{job.kind} {dataset}.{method} eps {params["eps"]:g} seed {seed}')

def jobs(profile):
    "Every job of a profile in the order they should start: what the file names first first, the sweep after it, the report last"
    trained = list(entries(profile, 'train'))
    runs = [run(profile, 'estimate', *e) for e in entries(profile, 'estimate')] + [run(profile, 'train', *e) for e in trained]
    runs += [evaluation(profile, *e, profile['evaluate'][e[0]]) for e in trained if e[0] in profile.get('evaluate', {})]
    swept = list(sweep(profile))
    name, folders, had = profile['profile'], [j.folder for j in runs], {j.folder for j in runs}
    given = dict(profile=name, runs=folders, results=f'results/{name}', **(dict(sweep=[j.folder for j in swept]) if swept else {}))
    runs = told_apart(runs) + [j for j in swept if j.folder not in had]
    return runs + [Job('report', 'report', f'runs/{name}/report', given, tuple(j.folder for j in runs))]

def told_apart(runs):
    "The same jobs; of those with one name, the variants of an entry, the second is called 'name, variant 2', and so on"
    seen = {}
    for i, job in enumerate(runs):
        k = seen[job.name] = seen.get(job.name, 0) + 1
        if k > 1: runs[i] = replace(job, name=f'{job.name}, variant {k}')
    return runs
