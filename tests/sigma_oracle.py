#!/usr/bin/env python3
"""A second opinion on Sigma: rules as pySigma parses them, evaluated here without a word of wefwatch's.

    pip install pysigma pysigma-pipeline-windows pysigma-pipeline-sysmon evtx
    tests/sigma_oracle.py SIGMA_CHECKOUT EVENTS... > answers.txt
    tests/sigma_oracle.py SIGMA_CHECKOUT --invent 10 > invented.xml

The second form invents events, so many for each rule, from the values of its conditions: near hits and near misses of every rule, for
the first form.

EVENTS are .evtx files, XML texts (also .gz) or folders of them. An answer is a line `computer|channel|event id|record id<TAB>rule id`
for each match, sorted. `tests/sigma_corpus.rs` compares them with what wefwatch says, where WEFWATCH_SIGMA_ANSWERS names them.
"""

import glob
import gzip
import ipaddress
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.pipelines.common import windows_logsource_mapping
from sigma.pipelines.sysmon.sysmon import sysmon_generic_logsource_eventid_mapping
from sigma.pipelines.windows.windows import windows_generic_category_channel_mapping
from sigma.collection import SigmaCollection
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

FOLDERS = ["rules/windows", "rules-emerging-threats", "rules-threat-hunting"]
# What the pipelines leave out; channels as Microsoft's manifests name them.
MORE_CHANNELS = {
    "iis-configuration": "Microsoft-IIS-Configuration/Operational",
    "ldap": "Microsoft-Windows-LDAP-Client/Debug",
    "smbclient-connectivity": "Microsoft-Windows-SmbClient/Connectivity",
    "smbserver-connectivity": "Microsoft-Windows-SMBServer/Connectivity",
    "security-mitigations": [
        "Microsoft-Windows-Security-Mitigations/KernelMode",
        "Microsoft-Windows-Security-Mitigations/UserMode",
    ],
}


def as_list(value):
    return value if isinstance(value, list) else [value]


class Event:
    """Fields by name, each a list of values; names without blanks."""

    def __init__(self, text):
        root = ElementTree.fromstring(text)
        for element in root.iter():
            element.tag = element.tag.rsplit("}", 1)[-1]
        self.fields = defaultdict(list)
        data = []
        for body in root:
            if body.tag in ("System", "RenderingInfo"):
                continue
            for leaf in body.iter():
                if len(leaf) == 0 and leaf is not body and leaf.tag != "Binary" or leaf.tag == "Binary":
                    name = leaf.get("Name") or ("Data" if leaf.tag == "Data" else leaf.tag)
                    value = leaf.text or ""
                    self.fields[name].append(value)
                    if " " in name:
                        self.fields[name.replace(" ", "")].append(value)
                        self.fields[name.replace(" ", "_")].append(value)
                    data.append(value)
        system = root.find("System")
        text_of = lambda tag: (system.findtext(tag) or "").strip()
        provider = system.find("Provider")
        self.provider = provider.get("Name", "") if provider is not None else ""
        self.channel = text_of("Channel")
        self.id = int(text_of("EventID"))
        self.computer = text_of("Computer")
        self.record = text_of("EventRecordID")
        said = {
            "EventID": str(self.id),
            "Channel": self.channel,
            "Provider_Name": self.provider,
            "Computer": self.computer,
            "Level": text_of("Level"),
            "Keywords": text_of("Keywords"),
        }
        message = root.findtext("RenderingInfo/Message")
        if message is not None:
            said["Message"] = message
        for name, value in said.items():
            if name not in self.fields:
                self.fields[name] = [value]
        self.everything = data + [self.provider, self.channel, self.computer]

    def name(self):
        return f"{self.computer.lower()}|{self.channel}|{self.id}|{self.record}"


def glob_of(value, folds):
    parts = []
    for part in value.s:
        if part == SpecialChars.WILDCARD_MULTI:
            parts.append(".*")
        elif part == SpecialChars.WILDCARD_SINGLE:
            parts.append(".")
        else:
            parts.append(re.escape(part.lower() if folds else part))
    pattern = re.compile("".join(parts), re.DOTALL)
    return lambda text: pattern.fullmatch(text.lower() if folds else text) is not None


def text_test(value):
    folds = not isinstance(value, SigmaCasedString)
    parts = value.s
    many = SpecialChars.WILDCARD_MULTI
    if all(isinstance(part, str) for part in parts):
        plain = "".join(parts)
        plain = plain.lower() if folds else plain
        return lambda text: (text.lower() if folds else text) == plain
    if len(parts) == 3 and parts[0] == parts[2] == many and isinstance(parts[1], str):
        inner = parts[1].lower() if folds else parts[1]
        return lambda text: inner in (text.lower() if folds else text)
    return glob_of(value, folds)


def address(text):
    try:
        own = ipaddress.ip_address(text.split("%")[0].strip())
    except ValueError:
        return None
    return getattr(own, "ipv4_mapped", None) or own


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def value_test(value):
    """A test of one text; None where the value is no text."""
    if isinstance(value, SigmaString):
        return text_test(value)
    if isinstance(value, (SigmaNumber, SigmaBool)):
        plain = str(value).lower()
        return lambda text: text.lower() == plain
    if isinstance(value, SigmaRegularExpression):
        flags = 0
        for flag in value.flags:
            flags |= value.sigma_to_python_flags[flag]
        pattern = re.compile(str(value.regexp), flags)
        return lambda text: pattern.search(text) is not None
    if isinstance(value, SigmaCIDRExpression):
        network = ipaddress.ip_network(value.cidr, strict=False)
        return lambda text: (own := address(text)) is not None and own.version == network.version and own in network
    if isinstance(value, SigmaCompareExpression):
        other = float(str(value.number))
        operator = {
            "LT": lambda own: own < other,
            "LTE": lambda own: own <= other,
            "GT": lambda own: own > other,
            "GTE": lambda own: own >= other,
        }[value.op.name]
        return lambda text: (own := number(text)) is not None and operator(own)
    raise ValueError(f"no test for {type(value)}")


def field_test(field, value):
    if isinstance(value, SigmaNull):
        return lambda event: field not in event.fields
    if isinstance(value, SigmaExists):
        return lambda event: (field in event.fields) == value.exists
    if isinstance(value, SigmaExpansion):
        tests = [field_test(field, one) for one in value.values]
        return lambda event: any(test(event) for test in tests)
    if isinstance(value, SigmaFieldReference):
        def same(event):
            pairs = [(a.lower(), b.lower()) for a in event.fields.get(field, []) for b in event.fields.get(value.field, [])]
            if value.starts_with and value.ends_with:
                return any(b in a for a, b in pairs)
            if value.starts_with:
                return any(a.startswith(b) for a, b in pairs)
            if value.ends_with:
                return any(a.endswith(b) for a, b in pairs)
            return any(a == b for a, b in pairs)
        return same
    test = value_test(value)
    return lambda event: any(test(text) for text in event.fields.get(field, []))


def keyword_test(value):
    if isinstance(value, SigmaExpansion):
        tests = [keyword_test(one) for one in value.values]
        return lambda event: any(test(event) for test in tests)
    if isinstance(value, SigmaString):
        if not value.startswith(SpecialChars.WILDCARD_MULTI):
            value = SpecialChars.WILDCARD_MULTI + value
        if not value.endswith(SpecialChars.WILDCARD_MULTI):
            value += SpecialChars.WILDCARD_MULTI
        test = text_test(value)
    elif isinstance(value, SigmaNumber):
        plain = str(value)
        test = lambda text: plain in text
    else:
        test = value_test(value)
    return lambda event: any(test(text) for text in event.everything)



def compiled(node):
    if isinstance(node, ConditionAND):
        parts = [compiled(part) for part in node.args]
        return lambda event: all(part(event) for part in parts)
    if isinstance(node, ConditionOR):
        parts = [compiled(part) for part in node.args]
        return lambda event: any(part(event) for part in parts)
    if isinstance(node, ConditionNOT):
        inner = compiled(node.args[0])
        return lambda event: not inner(event)
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return field_test(node.field.replace(" ", ""), node.value)
    if isinstance(node, ConditionValueExpression):
        return keyword_test(node.value)
    raise ValueError(f"no meaning for {type(node)}")


def route(source):
    """(channel or None, event ids or None) pairs; [] for none."""
    if source.category in sysmon_generic_logsource_eventid_mapping:
        ids = as_list(sysmon_generic_logsource_eventid_mapping[source.category])
        return [(windows_logsource_mapping["sysmon"].lower(), frozenset(ids))]
    if source.category in windows_generic_category_channel_mapping:
        mapped = windows_generic_category_channel_mapping[source.category]
        channels = as_list(windows_logsource_mapping[mapped["service"]])
        return [(channel.lower(), frozenset([mapped["EventID"]])) for channel in channels]
    if source.category is not None:
        return []
    if source.service is None:
        return [(None, None)]
    channels = MORE_CHANNELS.get(source.service) or windows_logsource_mapping.get(source.service) or []
    return [(channel.lower(), None) for channel in as_list(channels)]


def load(checkout):
    rules = defaultdict(list)
    count = 0
    for folder in FOLDERS:
        for path in sorted(glob.glob(f"{checkout}/{folder}/**/*.yml", recursive=True)):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if not re.search(r"^\s*product: windows\s*$", text, re.MULTILINE):
                continue
            for rule in SigmaCollection.from_yaml(text):
                try:
                    conditions = [compiled(condition.parsed) for condition in rule.detection.parsed_condition]
                except Exception as error:
                    print(f"not evaluated: {path}: {type(error).__name__} {error}", file=sys.stderr)
                    continue
                count += 1
                for channel, ids in route(rule.logsource):
                    parsed = [condition.parsed for condition in rule.detection.parsed_condition]
                    rules[channel].append((ids, str(rule.id), conditions, parsed))
    print(f"{count} rules", file=sys.stderr)
    return rules


def texts(path):
    if path.endswith(".evtx"):
        from evtx import PyEvtxParser

        # A record that cannot be read raises, and the ones behind it still come.
        records = iter(PyEvtxParser(path).records())
        while True:
            try:
                yield next(records)["data"]
            except StopIteration:
                return
            except Exception:
                continue
    else:
        opened = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
        with opened as file:
            text = file.read().decode("utf-8", "replace")
        for found in re.finditer(r"<Event[ >].*?</Event>", text, re.DOTALL):
            yield found.group()


def allowed(text):
    """What XML 1.0 has no place for reads as the replacement character."""
    bad = "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]"

    def reference(found):
        digits = found.group(1)
        code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
        is_fine = code < 0x110000 and not re.match(bad, chr(code))
        return found.group() if is_fine else "\ufffd"

    return re.sub(r"&#([xX][0-9a-fA-F]+|[0-9]+);", reference, re.sub(bad, "\ufffd", text))


def events(paths):
    for path in paths:
        inside = sorted(glob.glob(f"{path}/**/*", recursive=True)) if os.path.isdir(path) else [path]
        for one in inside:
            if one.endswith((".evtx", ".xml", ".xml.gz")):
                for text in texts(one):
                    start = text.find("<Event")
                    text = allowed(text[start:])
                    try:
                        yield Event(text)
                    except (ElementTree.ParseError, ValueError, AttributeError) as error:
                        print(f"not read: {one}: {error}", file=sys.stderr)


def leaves(node):
    if isinstance(node, (ConditionFieldEqualsValueExpression, ConditionValueExpression)):
        field = getattr(node, "field", None)
        values = node.value.values if isinstance(node.value, SigmaExpansion) else [node.value]
        yield from ((field, value) for value in values)
    else:
        for part in node.args:
            yield from leaves(part)


def of_regex(parsed, dice):
    """A text that a parsed regular expression matches, nearly always."""
    text = ""
    for operator, argument in parsed:
        name = str(operator)
        if name == "LITERAL":
            text += chr(argument)
        elif name in ("ANY", "NOT_LITERAL"):
            text += "q"
        elif name == "IN":
            kind, value = dice.choice(argument)
            words = {"LITERAL": lambda: chr(value), "RANGE": lambda: chr(dice.randint(*value))}
            classes = {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "w"}
            text += words.get(str(kind), lambda: classes.get(str(value), "~"))()
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = argument
            for _ in range(dice.randint(least, min(int(most), least + 2))):
                text += of_regex(inner, dice)
        elif name == "SUBPATTERN":
            text += of_regex(argument[-1], dice)
        elif name == "BRANCH":
            text += of_regex(dice.choice(argument[1]), dice)
    return text


def of_value(value, dice):
    """A text that a value matches, nearly always; None where there is none."""
    if isinstance(value, SigmaString):
        fill = {SpecialChars.WILDCARD_MULTI: ["", "x", " \n ", "-zz"], SpecialChars.WILDCARD_SINGLE: ["x", "\n", "é"]}
        text = "".join(dice.choice(fill[part]) if part in fill else str(part) for part in value.s)
        return dice.choice([text, text, text.upper(), text.lower()])
    if isinstance(value, (SigmaNumber, SigmaBool)):
        return str(value)
    if isinstance(value, SigmaRegularExpression):
        flags = sum(value.sigma_to_python_flags[flag] for flag in value.flags)
        return of_regex(re._parser.parse(str(value.regexp), flags), dice)
    if isinstance(value, SigmaCIDRExpression):
        network = ipaddress.ip_network(value.cidr, strict=False)
        return str(network[dice.randrange(min(network.num_addresses, 200))])
    if isinstance(value, SigmaCompareExpression):
        return str(int(float(str(value.number))) + dice.randint(-1, 1))
    return None


def invented(parsed, dice):
    """Fields and unnamed data for one event."""
    by_field = defaultdict(list)
    for condition in parsed:
        for field, value in leaves(condition):
            by_field[field].append(value)
    fields, keywords = {}, []
    for field, values in by_field.items():
        if dice.random() < 0.1:
            continue
        some = dice.sample(values, min(len(values), dice.choice([1, 1, 2, 3, len(values)])))
        texts = [text for text in (of_value(value, dice) for value in some) if text is not None]
        if field is None:
            keywords += texts
        elif texts:
            fields[field] = dice.choice([texts[0], "".join(texts), " ".join(texts), " ".join(reversed(texts))])
        elif isinstance(some[0], SigmaFieldReference):
            fields[field] = fields.get(some[0].field, "x")
        elif dice.random() < 0.5:
            fields[field] = dice.choice(["", "-"])
    return fields, keywords


def invent(rules, count):
    import random
    from xml.sax.saxutils import escape, quoteattr

    dice = random.Random(7)
    record = 0
    for channel, of_channel in sorted(rules.items(), key=lambda row: str(row[0])):
        for ids, _, _, parsed in of_channel:
            for _ in range(count):
                record += 1
                fields, keywords = invented(parsed, dice)
                event_id = dice.choice(sorted(ids)) if ids else fields.get("EventID", "1")
                if not str(event_id).isdigit() or int(event_id) > 65535:
                    event_id = 1
                said = {"EventID", "Channel", "Provider_Name", "Computer", "Level", "Keywords"}
                data = [(name, text) for name, text in fields.items() if name not in said]
                data = [f"<Data Name={quoteattr(name)}>{escape(text)}</Data>" for name, text in data if name != "Data"]
                unnamed = keywords + [text for name, text in fields.items() if name == "Data"]
                data += [f"<Data>{escape(text)}</Data>" for text in unnamed]
                level = fields.get("Level", "4")
                print(
                    f"<Event><System><Provider Name={quoteattr(fields.get('Provider_Name', 'x'))}/><EventID>{event_id}</EventID>"
                    f"<Level>{level if level.isdigit() else 4}</Level><Keywords>{escape(fields.get('Keywords', '0x0'))}</Keywords>"
                    f"<EventRecordID>{record}</EventRecordID><Channel>{escape(channel or 'Other')}</Channel>"
                    f"<Computer>invented</Computer></System><EventData>{''.join(data)}</EventData></Event>"
                )


def main():
    rules = load(sys.argv[1])
    if sys.argv[2] == "--invent":
        invent(rules, int(sys.argv[3]))
        return
    answers = set()
    count = 0
    for event in events(sys.argv[2:]):
        count += 1
        for ids, rule, conditions, _ in rules[event.channel.lower()] + rules[None]:
            if (ids is None or event.id in ids) and any(condition(event) for condition in conditions):
                answers.add(f"{event.name()}\t{rule}")
    print(f"{count} events, {len(answers)} matches", file=sys.stderr)
    print("\n".join(sorted(answers)))


main()
