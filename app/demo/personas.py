"""Who one can be in the demo, and how to sign in."""

_HEADING = (
    "演示身份与登录令牌(命令输出的最后一个词即令牌) / Who you can be (the last word printed is the token):"
)
_STREETS = "xjk 新街口 Xinjiekou, nj 牛街 Niujie, ds 德胜 Desheng"

PERSONAS = (
    ("member M0000001", "张伟,新街口会员 / Zhang Wei, a member at Xinjiekou: order, book, collect"),
    ("member M0000002", "张伟,同单位同名 / the same name in the same unit"),
    ("member M0000009", "王秀英,无手机,长辈模式 / Wang Xiuying, without a telephone, in senior mode"),
    ("member M0000010", "刘建国,保留会籍,不在本次范围 / Liu Jianguo, retired: not eligible"),
    ("member M0000005", "阿依古丽·买买提,牛街会员,活动已结束 / a member at Niujie, whose campaign is over"),
    ("member M0000007", "李𬱖,德胜会员,可参加摇号 / a member at Desheng, where lots are drawn"),
    ("staff clerk-xjk", "核销员 / pickup clerk: scans codes, hands boxes over"),
    ("staff officer-xjk", "专干 / union officer: drafts campaigns, slots, offers"),
    ("staff keeper-xjk", "保管员 / warehouse keeper"),
    ("staff chair-xjk", "主席 / chair: publishes what the officer drafted"),
    ("staff auditor-xjk", "经审员 / auditor: reads everything, changes nothing"),
    ("staff finance-xjk", "财务 / finance"),
    ("staff unitadmin-xjk", "基层工会管理员 / administrator of one grassroots union"),
    ("staff leader-xjk", "工会小组长 / leader of one group"),
    ("staff sysadmin-xjk", "系统管理员 / system administrator: drafts accounts"),
    ("staff secadmin-xjk", "安全管理员 / security administrator: approves accounts"),
    ("staff auditadmin-xjk", "审计管理员 / audit administrator: reads the audit log"),
    ("staff district-xc", "西城区总工会查看员 / viewer of the district federation"),
)

_SIGN_IN = "  设置密码登录 / to sign in with a password: grainline staff invite officer-xjk"


def describe_personas() -> str:
    """Return the lines for the terminal, in Chinese and English, that tell how to sign in as each persona."""
    width = max(len(arguments) for arguments, _ in PERSONAS)
    lines = [f"  grainline token {arguments:{width}}  {text}" for arguments, text in PERSONAS]
    more = f"  clerk-, officer-, keeper-, chair-, auditor-, …: {_STREETS}"
    return "\n".join([_HEADING, *lines, more, _SIGN_IN])
