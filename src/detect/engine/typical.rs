//! What ordinary events say, so that a rule is woken by what is rare: of several texts that must all be there, the one that
//! is seldom seen is watched. A short list written by hand; it decides speed, never a match.

use std::collections::HashMap;

use crate::detect::predicate::pattern::{Case, Pattern};

/// Programs and command lines that every Windows host runs all day, the most frequent ones first.
#[rustfmt::skip]
const VALUES: &[&str] = &[
    r"C:\Windows\System32\svchost.exe", r"C:\Windows\System32\conhost.exe", r"C:\Windows\System32\cmd.exe",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", r"C:\Windows\explorer.exe", r"C:\Windows\System32\services.exe",
    r"C:\Windows\System32\rundll32.exe", r"C:\Windows\System32\backgroundTaskHost.exe", r"C:\Windows\System32\wbem\WmiPrvSE.exe",
    r"C:\Windows\System32\RuntimeBroker.exe", r"C:\Windows\System32\dllhost.exe", r"C:\Windows\System32\taskhostw.exe",
    r"C:\Windows\System32\SearchProtocolHost.exe", r"C:\Windows\System32\reg.exe", r"C:\Windows\System32\net.exe",
    r"C:\Windows\System32\net1.exe", r"C:\Windows\System32\sc.exe", r"C:\Windows\System32\wsmprovhost.exe",
    r"C:\Windows\System32\regsvr32.exe", r"C:\Windows\System32\wscript.exe", r"C:\Windows\System32\mshta.exe",
    r"C:\Windows\System32\whoami.exe", r"C:\Windows\System32\schtasks.exe", r"C:\Windows\SysWOW64\cmd.exe",
    r"C:\Windows\System32\wbem\WMIC.exe", r"C:\Windows\System32\lsass.exe", r"C:\Windows\System32\msiexec.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe", r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE", r"C:\Program Files\Windows Defender\MpCmdRun.exe",
    r"C:\Users\user\AppData\Local\Temp\setup.exe", r"C:\ProgramData\Microsoft\Windows Defender\Platform\MsMpEng.exe",
    r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\csc.exe", r"\Device\HarddiskVolume2\Windows\System32\smss.exe",
    r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule", r"C:\Windows\system32\svchost.exe -k DcomLaunch -p",
    r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1", r#""C:\Windows\system32\cmd.exe" /c dir"#,
    r"cmd.exe /c echo ok > C:\Windows\Temp\out.txt 2>&1", r#"C:\Windows\System32\cmd.exe /C "C:\Users\user\Desktop\run.bat""#,
    r#""C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -ExecutionPolicy Bypass -Command "Get-Process""#,
    r"powershell.exe -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA", r"powershell -c New-Object Net.WebClient",
    r"C:\Windows\system32\wbem\wmiprvse.exe -secured -Embedding", r"C:\Windows\System32\rundll32.exe shell32.dll,Control_RunDLL",
    r"C:\Windows\system32\reg.exe add HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run /v x /t REG_SZ /d y /f",
    r"reg query HKCU\Software\Microsoft", r"C:\Windows\system32\net1 user administrator /domain", r"net use \\server\share",
    r"sc query state= all", r"schtasks /create /tn task /tr c:\a.exe /sc daily", r"whoami /all", r"ipconfig /all",
    r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer --lang=en-US"#, r"https://www.example.com/a.txt",
    r"C:\Windows\system32\DllHost.exe /Processid:{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}", r"C:\Windows\system32\lsass.exe",
    r"HKLM\System\CurrentControlSet\Services\bam\State\UserSettings", r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
    r"HKU\S-1-5-21-1004336348-1177238915-682003330-512\Software\Microsoft\Windows\CurrentVersion\Explorer\FileExts",
    r"NT AUTHORITY\SYSTEM", r"NT AUTHORITY\NETWORK SERVICE", r"CORP\user", "Microsoft Corporation", "System", "High", "Medium", "true",
    "false", "tcp", "Microsoft\u{ae} Windows\u{ae} Operating System", "Cmd.Exe", "PowerShell.EXE", "RUNDLL32.EXE", "svchost.exe",
    "Windows Command Processor", "Windows PowerShell", "-", "443", "80", "10.0.0.1", "192.168.1.10", "windows", "start", "http",
    "SHA1=C9A4CDB6A1F3B3E6C0F8,MD5=F5AE03DE0AD60F5B17B82F2CD68402FE,SHA256=6F88FB88FFB0F1D5465C2826E5B4F523598B1B83,IMPHASH=272245E2988E1E43",
];

/// The list, counted.
#[derive(Debug)]
pub(super) struct Typical {
    folded: Vec<String>,
    runs: HashMap<u32, u32>,
}

impl Typical {
    /// Counts the list.
    pub(super) fn new() -> Self {
        let folded: Vec<String> = VALUES.iter().map(|value| Case::Unicode.fold(value).into_owned()).collect();
        let mut runs = HashMap::new();
        for run in folded.iter().flat_map(|value| value.as_bytes().windows(4)) {
            *runs.entry(crate::detect::engine::grams::run_of::<4>(run)).or_default() += 1;
        }
        Self { folded, runs }
    }

    /// How often four bytes in a row stand in the list.
    pub(super) fn commonness(&self, run: u32) -> u32 {
        self.runs.get(&run).copied().unwrap_or_default()
    }

    /// How often a pattern is expected to match, roughly: how much of the list it matches, the head of the list counting
    /// more, and a little for a short text.
    pub(super) fn cost(&self, pattern: &Pattern) -> f32 {
        let pattern = pattern.clone().folded(Case::Unicode);
        let length = match &pattern {
            Pattern::Equals(text) | Pattern::StartsWith(text) | Pattern::EndsWith(text) | Pattern::Contains(text) => text.len(),
            Pattern::Glob(_) => 1,
        };
        let weight = |place: usize| 1.0 + 8.0 / (1.0 + place as f32);
        let common: f32 =
            self.folded.iter().enumerate().filter(|(_, value)| pattern.matches(value)).map(|(place, _)| weight(place)).sum();
        common + 0.2 / (1.0 + length as f32)
    }
}
