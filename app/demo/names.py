"""Invented names of people with their pinyin keys.

Readings are those of names: 单 is shan, 仇 is qiu, 长孙 is zhang sun. A key is what lists are sorted by:
lower case, no tones, syllables apart, ü written v. Characters beyond the basic plane are in on purpose:
whoever cuts or counts names in UTF-16 units gets them wrong.
"""

from random import Random

_MOST_FREQUENT = """
王wang 李li 张zhang 刘liu 陈chen 杨yang 赵zhao 黄huang 周zhou 吴wu
"""
_FREQUENT = """
徐xu 孙sun 胡hu 朱zhu 高gao 林lin 何he 郭guo 马ma 罗luo 梁liang 宋song 郑zheng 谢xie 韩han 唐tang 冯feng
于yu 董dong 萧xiao 程cheng 曹cao 袁yuan 邓deng 许xu 傅fu 沈shen 彭peng 吕lv 苏su 卢lu 蒋jiang 蔡cai 贾jia
"""
_LESS_FREQUENT = """
丁ding 魏wei 薛xue 叶ye 阎yan 余yu 潘pan 杜du 戴dai 夏xia 钟zhong 汪wang 田tian 姜jiang 范fan 方fang 石shi
姚yao 谭tan 廖liao 邹zou 熊xiong 金jin 陆lu 郝hao 孔kong 白bai 崔cui 康kang 毛mao 邱qiu 秦qin 江jiang 史shi
顾gu 侯hou 邵shao 孟meng 龙long 万wan 段duan 雷lei 钱qian 汤tang 尹yin 黎li 易yi 常chang 武wu 乔qiao 贺he
"""
# Surnames that are read otherwise than the same character in other words.
_READ_OTHERWISE = """
单shan 仇qiu 曾zeng 解xie 查zha 任ren 区ou 朴piao 盖ge 华hua 翟zhai 覃qin 缪miao 纪ji 燕yan 乐yue 冼xian
种chong 员yun 逄pang 乜nie 宓mi 牟mu 瞿qu 娄lou
"""
_DOUBLE = (
    ("欧阳", "ou yang"), ("司马", "si ma"), ("上官", "shang guan"), ("端木", "duan mu"), ("皇甫", "huang fu"),
    ("尉迟", "yu chi"), ("令狐", "ling hu"), ("慕容", "mu rong"), ("长孙", "zhang sun"), ("宇文", "yu wen"),
    ("公孙", "gong sun"), ("万俟", "mo qi"),
)  # fmt: skip
_GIVEN = """
伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang 勇yong 艳yan 杰jie 娟juan 涛tao 明ming 超chao
秀xiu 英ying 霞xia 平ping 刚gang 桂gui 兰lan 玲ling 红hong 玉yu 梅mei 建jian 国guo 文wen 志zhi 海hai 春chun
晓xiao 宇yu 浩hao 欣xin 怡yi 佳jia 雨yu 梓zi 涵han 子zi 思si 婷ting 雪xue 慧hui 莉li 鹏peng 飞fei 波bo 斌bin
辉hui 亮liang 峰feng 庆qing 东dong 凯kai 俊jun 立li 新xin 宏hong 光guang 永yong 荣rong 贵gui 福fu 生sheng
元yuan 学xue 祥xiang 才cai 清qing 成cheng 振zhen 宁ning 凤feng 琴qin 云yun 莲lian 素su 淑shu 珍zhen 瑞rui
彤tong 然ran 睿rui 轩xuan 晨chen 博bo 嘉jia 诗shi 琪qi 瑶yao 倩qian 颖ying 妍yan 薇wei 璐lu 楠nan 洁jie 旭xu
"""
# U+4DAE, U+36C3, U+2CC56, U+2C35B, U+2B5AF among them: extensions A, C and E.
_RARE = """
䶮yan 㛃jie 𬱖di 𬍛li 𫖯fu 喆zhe 堃kun 赟yun 祎yi 翀chong 璟jing 珺jun 璠fan 玥yue 珣xun 彧yu 昇sheng 淼miao
"""
# A given name and the father's, with U+00B7 between them.
_UYGHUR = (
    ("古丽娜尔", "gu li na er"), ("迪丽努尔", "di li nu er"), ("热依汗", "re yi han"),
    ("帕提古丽", "pa ti gu li"), ("艾力", "ai li"), ("阿卜杜拉", "a bu du la"),
    ("吐尔逊", "tu er xun"), ("祖丽皮亚", "zu li pi ya"),
)  # fmt: skip
_UYGHUR_FATHERS = (
    ("买买提", "mai mai ti"), ("艾合买提", "ai he mai ti"), ("依明", "yi ming"), ("卡德尔", "ka de er"),
    ("肉孜", "rou zi"), ("斯拉木", "si la mu"), ("阿不都", "a bu du"), ("托合提", "tuo he ti"),
)  # fmt: skip

Reading = tuple[str, str]


def _readings(listed: str) -> list[Reading]:
    return [(entry[0], entry[1:]) for entry in listed.split()]


_SURNAMES = [_readings(_MOST_FREQUENT), _readings(_FREQUENT), _readings(_LESS_FREQUENT)]
_SURNAME_WEIGHTS = (5, 3, 2)
_SURNAMES_READ_OTHERWISE = _readings(_READ_OTHERWISE)
_CHARACTERS = _readings(_GIVEN)
_RARE_CHARACTERS = _readings(_RARE)


def invent_name(dice: Random) -> Reading:
    """Return a name and its pinyin key; one in twenty or so is of a kind that programs like to get wrong."""
    draw = dice.random()
    if draw < 0.012:
        given, father = dice.choice(_UYGHUR), dice.choice(_UYGHUR_FATHERS)
        return f"{given[0]}·{father[0]}", f"{given[1]} {father[1]}"
    surname = _invent_surname(dice, draw)
    given_length = dice.choices((1, 2), (1, 4))[0]
    given_names = [dice.choice(_CHARACTERS) for _ in range(given_length)]
    if dice.random() < 0.02:
        given_names[-1] = dice.choice(_RARE_CHARACTERS)
    parts = [surname, *given_names]
    return "".join(text for text, _ in parts), " ".join(key for _, key in parts)


def _invent_surname(dice: Random, draw: float) -> Reading:
    if draw < 0.027:
        return dice.choice(_DOUBLE)
    if draw < 0.05:
        return dice.choice(_SURNAMES_READ_OTHERWISE)
    return dice.choice(dice.choices(_SURNAMES, _SURNAME_WEIGHTS)[0])
