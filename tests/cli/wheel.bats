#!/usr/bin/env bats
# The wheel and its Python package, with the program of this build in the place of the static one.

load common

setup_file() {
    command -v python3 >/dev/null || return 0
    cd "$BATS_FILE_TMPDIR" || return
    "$BUILD/tests/tools/make_photos" photos 2 8 4 40 1
    "$FREEZETUNE" train --quiet --data photos --weights random --arch resnet18 --image-size 32 --batch-size 4 --epochs 2 \
        --freeze-until 9 --cache off --out runs/1 >/dev/null
    mkdir -p tree/bin tree/share/man/man1 tree/share/doc/freezetune/licences
    cp "$FREEZETUNE" tree/bin/freezetune
    echo .TH >tree/share/man/man1/freezetune.1
    echo free >tree/share/doc/freezetune/licences/libx.txt
    wheel=$(python3 "$BATS_TEST_DIRNAME/../../scripts/package/wheel.py" tree 1.2.3 out)
    mkdir installed
    (cd installed && python3 -m zipfile -e "../$wheel" . && mkdir bin &&
        cp freezetune-1.2.3.data/scripts/freezetune bin/ && chmod 755 bin/freezetune)
    # As pip writes it where it has put the script.
    echo '../installed/bin/freezetune,,' >>installed/freezetune-1.2.3.dist-info/RECORD
}

setup() {
    command -v python3 >/dev/null || skip "no python3"
    cd "$BATS_FILE_TMPDIR" || return
    root=$BATS_TEST_DIRNAME/../..
    export PYTHONPATH=$PWD/installed PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
}

@test "the module reads a run: config, metrics, predictions, probabilities, confusion, log, result" {
    python3 - <<'END'
import json, freezetune
assert freezetune.__version__ == "1.2.3"
run = freezetune.Run("runs/1")
assert run.classes == ["class0", "class1"] and run.config["options"]["freeze-until"] == 9
rows, result = run.metrics(), run.result
assert [row["epoch"] for row in rows] == [1, 2] and type(rows[0]["val_loss"]) in (float, int)
assert run.best["best"] is True and run.best["epoch"] == result["best_epoch"]
assert abs(run.best["val_accuracy"] - result["val_accuracy"]) < 1e-6
predictions = run.predictions()
assert len(predictions) == 8 and sum(p.right for p in predictions) == result["val_right"]
assert all(p.right == (p.true_class == p.predicted) and not p.rest for p in predictions)
probabilities = run.probabilities()
assert all(abs(sum(probabilities[p.file].values()) - 1) < 1e-5 for p in predictions)
confusion = run.confusion()
assert sum(confusion[name][name] for name in run.classes) == result["val_right"]
assert [line["epoch"] for line in run.log() if line["event"] == "epoch"] == [1, 2]
assert run.model.is_file() and [str(r.folder) for r in freezetune.runs("runs")] == ["runs/1"]
END
}

@test "the module leaves out a line that is not finished, and says which file is damaged" {
    rm -rf torn
    cp -r runs/1 torn
    rm torn/result.json
    printf '3,0.00' >>torn/metrics.csv
    printf '{"event": "st' >>torn/log.jsonl
    echo 'a.png,class0' >>torn/predictions_val.csv
    printf 'file,class,file,"a ""b"", c"\n"x,\xe2\x80\xa8.png",file,0.25,0.75\n' >torn/probabilities_val.csv
    python3 - <<'END'
import freezetune
run = freezetune.Run("torn")
assert run.result is None and len(run.metrics()) == 2
assert [line["epoch"] for line in run.log() if line["event"] == "epoch"] == [1, 2]
assert run.probabilities() == {"x,\u2028.png": {"file": 0.25, 'a "b", c': 0.75}}
for bad in (run.predictions, lambda: freezetune.Run("photos")):
    try:
        bad()
    except freezetune.RunError as error:
        print(error)
    else:
        raise AssertionError
END
}

@test "python -m freezetune is the program: arguments, exit code" {
    [ "$(python3 -m freezetune --version | head -n 1)" = "$("$FREEZETUNE" --version | head -n 1)" ]
    run python3 -m freezetune nothing
    [ "$status" = 64 ]
    [ "$(python3 -c 'import freezetune; print(freezetune.program())')" = "$PWD/installed/bin/freezetune" ]
}

@test "the wheel has a right RECORD, three tags, and the same bytes whatever the dates of its files" {
    python3 - "$PWD"/out/*.whl <<'END'
import base64, hashlib, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
info = "freezetune-1.2.3.dist-info/"
listed = set()
for line in wheel.read(info + "RECORD").decode().splitlines():
    name, digest, size = line.rsplit(",", 2)
    listed.add(name)
    if digest:
        content = wheel.read(name)
        assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=") and int(size) == len(content)
assert listed == set(wheel.namelist()) and info + "licenses/libx.txt" in listed
assert wheel.read(info + "WHEEL").decode().count("\nTag: py3-none-") == 3
assert wheel.getinfo("freezetune-1.2.3.data/scripts/freezetune").external_attr >> 16 == 0o100755
END
    cp -r tree tree2
    touch -d 2001-01-01 tree2/bin/freezetune
    chmod 700 tree2/bin/freezetune
    python3 "$root/scripts/package/wheel.py" tree2 1.2.3 out2
    cmp out/*.whl out2/*.whl
}
