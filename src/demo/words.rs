//! The invented city 明江市: its places, its owners, what they build, sell and buy, and the companies that bid.
//! Nothing and nobody here exists.

use super::cast::Trade;
use super::seed::Rng;
use crate::engine::rules::Category;

/// 县级市 code of the invented city: no province has a code that begins with 99.
pub const DIVISION: &str = "999901";

const TOWNS: [&str; 12] = [
    "望江街道",
    "澄湖街道",
    "鹭洲街道",
    "云溪镇",
    "石桥头镇",
    "青岚镇",
    "竹屿镇",
    "梅岭脚镇",
    "龙潭湾镇",
    "松坞乡",
    "枫树坞乡",
    "沙塘镇",
];
const ROADS: [&str; 14] = [
    "明珠大道",
    "澄湖路",
    "望江路",
    "青岚大道",
    "鹭洲西路",
    "松坞路",
    "竹屿路",
    "星河路",
    "溪山路",
    "渡口街",
    "石桥路",
    "梅岭北路",
    "学宫街",
    "云溪大道",
];
const VILLAGES: [&str; 14] = [
    "上沙村",
    "下沙村",
    "樟木村",
    "古渡村",
    "柳浪村",
    "岭后村",
    "茶坪村",
    "新塘村",
    "后垟村",
    "荷塘村",
    "东篁村",
    "溪口村",
    "石笋村",
    "月湾村",
];
const RIVERS: [&str; 6] = ["云溪", "樟溪", "明江支流", "竹屿港", "青岚溪", "澄湖环河"];
const USES: [&str; 5] = ["住宅用地", "商住用地", "商业服务业用地", "工业用地", "物流仓储用地"];

/// Who lets build, sells or buys.
pub const OWNERS: [&str; 18] = [
    "明江市城乡建设局",
    "明江市交通建设服务中心",
    "明江市水务局",
    "明江市澄湖新区管理委员会",
    "明江市城市更新建设有限公司",
    "明江市教育局",
    "明江市农业农村局",
    "明江市云溪镇人民政府",
    "明江市自然资源和规划局",
    "明江市矿产资源服务中心",
    "明江市国有资产经营有限公司",
    "明江市机关事务服务中心",
    "明江市城乡公交有限公司",
    "明江市粮食收储有限公司",
    "明江市第一人民医院",
    "明江市数据管理中心",
    "明江市环境卫生服务中心",
    "明江市图书馆",
];

/// A title with blanks, who bids for such things, and whose they are: parts of names in [`OWNERS`].
type Template = (&'static str, Trade, &'static [&'static str]);

const ENGINEERING: [Template; 16] = [
    ("{路}（{街}至{村}段）道路改造工程施工", Trade::Build, &["交通建设", "城乡建设"]),
    ("{镇}卫生院迁建工程施工", Trade::Build, &["城乡建设"]),
    ("{镇}污水管网提升改造工程", Trade::Build, &["水务"]),
    ("{村}至{庄}农村公路提升工程", Trade::Build, &["交通建设"]),
    ("{镇}中心小学扩建工程施工", Trade::Build, &["教育"]),
    ("{镇}老旧小区改造工程（第{号}批）", Trade::Build, &["城市更新", "城乡建设"]),
    ("{河}综合治理工程（{镇}段）", Trade::Build, &["水务"]),
    ("{镇}高标准农田建设工程", Trade::Build, &["农业农村"]),
    ("澄湖新区{号}号地块配套道路工程", Trade::Build, &["新区管理"]),
    ("{镇}文化活动中心装修工程", Trade::Build, &["城乡建设", "人民政府"]),
    ("{路}跨{河}桥梁加固工程", Trade::Build, &["交通建设"]),
    ("{镇}供水管网改造工程（第{号}期）", Trade::Build, &["水务"]),
    ("{镇}养老服务中心建设工程", Trade::Build, &["城乡建设"]),
    ("{路}路灯节能改造工程", Trade::Build, &["城乡建设"]),
    ("{镇}公共停车场建设工程", Trade::Build, &["城市更新"]),
    ("{村}地质灾害治理工程", Trade::Build, &["农业农村", "人民政府"]),
];
const LAND: [Template; 4] = [
    ("{镇}{号}号地块国有建设用地使用权出让（{地}）", Trade::Estate, &["自然资源"]),
    ("澄湖新区{号}号地块国有建设用地使用权出让（{地}）", Trade::Estate, &["自然资源"]),
    ("{路}北侧{号}号地块国有建设用地使用权出让（{地}）", Trade::Estate, &["自然资源"]),
    ("{镇}{村}建筑用石料矿采矿权出让", Trade::Mining, &["矿产"]),
];
const PROPERTY: [Template; 9] = [
    ("{路}{号}号商铺五年租赁权", Trade::Estate, &["国有资产", "城市更新"]),
    ("{镇}农贸市场摊位三年经营权", Trade::Goods, &["国有资产"]),
    ("报废公务车辆处置（第{号}批）", Trade::Goods, &["机关事务"]),
    ("退役公交车辆整体转让（第{号}批）", Trade::Goods, &["公交"]),
    ("{镇}旧粮库房屋及附属设施转让", Trade::Estate, &["粮食"]),
    ("{路}{号}号办公楼整体转让", Trade::Estate, &["国有资产", "机关事务"]),
    ("闲置医疗设备整体转让（第{号}批）", Trade::Goods, &["国有资产"]),
    ("{村}水库水面十年承包经营权", Trade::Goods, &["国有资产"]),
    ("{路}户外广告位三年经营权（第{号}组）", Trade::Service, &["公交", "国有资产"]),
];
const PROCUREMENT: [Template; 16] = [
    ("{镇}智慧校园设备采购（第{号}批）", Trade::It, &["教育"]),
    ("政务云平台扩容服务采购（第{号}期）", Trade::It, &["数据管理"]),
    ("视频监控设备更新采购（{镇}）", Trade::It, &["数据管理"]),
    ("不动产登记系统运行维护服务采购", Trade::It, &["数据管理"]),
    ("医用影像设备采购（第{号}批）", Trade::Goods, &["医院"]),
    ("中小学课桌椅采购（{镇}）", Trade::Goods, &["教育"]),
    ("环卫作业车辆采购（第{号}批）", Trade::Goods, &["环境卫生"]),
    ("办公家具采购（第{号}批）", Trade::Goods, &["机关事务", "医院"]),
    ("应急救援物资采购（第{号}批）", Trade::Goods, &["水务", "人民政府"]),
    ("图书文献采购（第{号}批）", Trade::Goods, &["图书馆"]),
    ("{镇}生活垃圾清运服务采购", Trade::Service, &["环境卫生"]),
    ("{镇}公园绿化养护服务采购", Trade::Service, &["环境卫生"]),
    ("机关食堂服务采购（{路}办公区）", Trade::Service, &["机关事务"]),
    ("{镇}河道保洁服务采购", Trade::Service, &["水务"]),
    ("机关物业管理服务采购（{路}办公区）", Trade::Service, &["机关事务"]),
    ("学生体检服务采购（{镇}）", Trade::Service, &["教育"]),
];

/// A project's outline.
pub struct Subject {
    pub title: String,
    /// Of those who bid for it.
    pub trade: Trade,
    /// Part of its owner's name.
    pub owner: &'static str,
    pub place: String,
}

/// Something that the city builds, sells or buys.
pub fn subject(category: Category, rng: &mut Rng) -> Subject {
    let templates: &[Template] = match category {
        Category::A => &ENGINEERING,
        Category::B => &LAND,
        Category::C => &PROPERTY,
        Category::D => &PROCUREMENT,
    };
    let (template, trade, owners) = templates.get(rng.index(templates.len())).copied().unwrap_or_default();
    let town = rng.pick(&TOWNS);
    let mut title = template.replace("{镇}", town).replace("{号}", &rng.between(1, 40).to_string());
    for (blank, words) in [
        ("{路}", &ROADS[..]),
        ("{街}", &ROADS),
        ("{村}", &VILLAGES),
        ("{庄}", &VILLAGES),
        ("{河}", &RIVERS),
        ("{地}", &USES),
    ] {
        if title.contains(blank) {
            // A road does not lead to itself.
            let unused: Vec<&str> = words.iter().copied().filter(|word| !title.contains(word)).collect();
            title = title.replace(blank, rng.pick(&unused));
        }
    }
    Subject { title, trade, owner: rng.pick(owners), place: format!("明江市{town}") }
}

const CITIES: [&str; 6] = ["明江", "明江", "明江", "青栾", "渌浦", "云硐"];
const FIRST: [&str; 16] =
    ["澜", "岚", "栩", "翊", "煦", "砺", "沁", "珩", "朔", "桓", "霁", "泓", "璟", "骁", "沐", "衍"];
const SECOND: [&str; 16] =
    ["川", "屿", "岳", "禾", "舟", "野", "恒", "峤", "沅", "棠", "庭", "序", "陌", "崖", "汀", "远"];

/// A company's name; the city before it is invented, so no register can hold it.
pub fn company(trade: Trade, rng: &mut Rng) -> String {
    let business: &[&str] = match trade {
        Trade::Build => &["建设工程有限公司", "市政工程有限公司", "路桥工程有限公司", "水利建设有限公司"],
        Trade::Estate => &["置业有限公司", "城市开发有限公司", "商业管理有限公司"],
        Trade::Mining => &["矿业有限公司", "建材有限公司"],
        Trade::It => &["信息技术有限公司", "智能科技有限公司", "数据服务有限公司"],
        Trade::Goods => &["商贸有限公司", "设备有限公司", "物资有限公司"],
        Trade::Service => &["物业服务有限公司", "环境服务有限公司", "园林养护有限公司"],
    };
    format!("{}市{}{}{}", rng.pick(&CITIES), rng.pick(&FIRST), rng.pick(&SECOND), rng.pick(business))
}

/// What a supervisor asks, and what the centre answers.
pub const QUESTIONS: [(&str, &str); 6] = [
    (
        "请说明本标的报名时间的设置依据，以及是否对潜在竞买人一视同仁。",
        "报名时间按公告执行，全程网上办理，未设置任何限制性条件，报名记录已随账本留存。",
    ),
    (
        "现场第三轮报价间隔偏短，请核实是否存在系统延迟。",
        "经核对账本时间戳与服务器日志，各报价受理时间连续，未发现延迟，倒计时均自有效报价起重新计算。",
    ),
    ("请核实竞买保证金到账账户与公告是否一致。", "保证金均到达公告载明的专用账户，已逐笔核对到账编号。"),
    ("有群众反映公告附件无法下载，请核查。", "附件于公告当日即可下载，经抽查下载记录正常；已另行通过电话告知反映人。"),
    ("请说明起始价的确定依据。", "起始价依据评估报告和集体决策纪要确定，相关材料已归入项目档案。"),
    ("请说明本场见证人员安排。", "本场由两名见证人员值守，名单已登记，录音录像完整。"),
];

/// Why the centre suspends, and why it resumes.
pub const SUSPENSIONS: [(&str, &str); 4] = [
    ("出让人提出标的信息需补充说明，暂停竞价。", "补充说明已公布，恢复竞价。"),
    ("收到对资格条件的异议，处理期间暂停竞价。", "异议已答复，不影响竞价条件，恢复竞价。"),
    ("交易大厅供电检修，暂停竞价。", "供电恢复正常，恢复竞价。"),
    ("网络运营商线路波动，为保证公平暂停竞价。", "线路恢复稳定，恢复竞价。"),
];

pub const PAUSE_ORDER: (&str, &str, &str) = (
    "接到实名反映，竞价终端可能存在异常操作，责令暂停竞价并核查说明。",
    "已调取终端日志与现场录像，未发现异常操作，核查说明已报送。",
    "核查说明属实，解除暂停。",
);
/// What is objected to a result, and the answer.
pub const OBJECTIONS: [(&str, &str); 4] = [
    (
        "对排名第一的成交候选人的资格条件有异议，请核实其业绩证明是否在有效期内。",
        "经核对候选人提交的业绩证明原件与公开信息，均在有效期内，异议不成立。",
    ),
    (
        "请说明竞价最后五分钟内的延时依据。",
        "延时规则已在公告中载明，每次延时均自最后一次有效报价起算，账本第三方可重放核验。",
    ),
    ("对成交候选人的报价低于成本有异议。", "候选人已提供成本构成说明，符合公告约定，异议不成立。"),
    ("公示内容未载明候选人的业绩信息，请补充。", "公示内容与公告约定一致，相关信息可在项目档案中查阅，异议不成立。"),
];

/// A complaint, why it is taken up, and the decision.
pub const COMPLAINT: (&str, &str, &str) = (
    "对异议答复不满意，请求核查成交候选人业绩证明的真实性。",
    "投诉事项明确、材料齐全，予以受理。",
    "经调查核实，业绩证明真实有效，投诉事项缺乏事实依据，驳回投诉。",
);
pub const TERMINATIONS: [&str; 2] =
    ["规划条件调整，出让人申请终止本次交易。", "采购需求发生重大变化，采购人申请终止本次采购。"];
pub const WITHDRAWAL: &str = "成交候选人书面放弃成交资格，按公告约定本次交易不成立。";
pub const FORFEITURE: &str = "成交候选人无正当理由放弃成交资格，按公告约定保证金不予退还。";
pub const RETURN_LOST: &str = "未成交，退还保证金。";
pub const RETURN_WON: &str = "合同已签订，退还保证金。";
pub const RETURN_FAILED: &str = "本次交易未成交，退还保证金。";
pub const RETURN_TERMINATED: &str = "本次交易终止，退还保证金。";
pub const CENTRE: &str = "明江市公共资源交易中心";
pub const SUPERVISION: &str = "明江市公共资源交易监督管理办公室";
pub const DISCIPLINE: &str = "明江市纪检监察派驻审查组";
